"""``python -m kmigrate``."""

from kmigrate.cli.main import main

raise SystemExit(main())
