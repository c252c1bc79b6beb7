"""The error that is the user's to mend. A module of its own: a run that has nothing else to say loads nothing for it."""


class UserError(Exception):
    """Bad input from a person: one clear line, exit code 2, never a traceback."""
