"""Digests: names for content, and for everything that a result was made from."""

from __future__ import annotations

import sys

# What hashlib offers, without the start of OpenSSL, which half of a warm run would be.
try:
    from _blake2 import blake2b

    if sys.version_info >= (3, 12):
        from _sha2 import sha256
    else:
        from _sha256 import sha256
except ImportError:
    from hashlib import blake2b, sha256

__all__ = ["blake2b", "digest", "digest_of", "sha256"]


def digest(*parts: object) -> str:
    """A name for values whose ``repr`` says everything about them."""
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def digest_of(data: bytes) -> str:
    """A name for bytes."""
    return blake2b(data, digest_size=16).hexdigest()
