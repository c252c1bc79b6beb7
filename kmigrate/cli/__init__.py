"""Options in, one call, one reporter out."""
