"""What is known of the expressions of one module: an honest abstract interpretation. Unknown is the normal answer."""

from __future__ import annotations

from kmigrate.values.domain import Value
from kmigrate.values.facts import UseFacts
from kmigrate.values.module import Values

__all__ = ["UseFacts", "Value", "Values"]
