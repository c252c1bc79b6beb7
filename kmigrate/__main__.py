"""``python -m kmigrate``."""

from kmigrate.cli.main import process

raise SystemExit(process())
