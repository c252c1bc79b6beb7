"""TOML on every Python that kmigrate runs on: the standard library's from 3.11, tomli (the same code) before."""

import sys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]  # not installed where the linters run

__all__ = ["tomllib"]
