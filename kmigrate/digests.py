"""Digests: names for content, and for everything that a result was made from."""

from __future__ import annotations

try:
    from _blake2 import blake2b  # what hashlib offers, without the start of OpenSSL, which half of a warm run would be
except ImportError:
    from hashlib import blake2b


def digest(*parts: object) -> str:
    """A name for values whose ``repr`` says everything about them."""
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def digest_of(data: bytes) -> str:
    """A name for bytes."""
    return blake2b(data, digest_size=16).hexdigest()
