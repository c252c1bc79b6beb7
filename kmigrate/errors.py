"""What goes wrong, in words. A module of its own: a run that has nothing else to say loads nothing for it."""

import os


class UserError(Exception):
    """Bad input from a person: one clear line, exit code 2, never a traceback."""


def internal(error: Exception) -> str:
    """A defect of ours in one line. Raises the error where ``KMIGRATE_DEBUG`` asks for the traceback."""
    if os.environ.get("KMIGRATE_DEBUG"):
        raise error
    return f"internal error: {type(error).__name__}: {error} (KMIGRATE_DEBUG=1 shows where)"
