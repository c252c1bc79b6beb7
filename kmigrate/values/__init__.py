"""What is known of the expressions of one module: an honest abstract interpretation. Unknown is the normal answer."""

from __future__ import annotations

from kmigrate.values.domain import Value
from kmigrate.values.facts import UseFacts
from kmigrate.values.module import Values
from kmigrate.values.observed import AgreedFacts, Observations, Observed

__all__ = ["AgreedFacts", "Observations", "Observed", "UseFacts", "Value", "Values"]
