"""The proof: run original and rewritten code on real engines and compare."""
