"""Findings to edits to new source."""
