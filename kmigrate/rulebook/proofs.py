"""What execution has shown of each rule: ``proof.json`` beside the rules.

``safe`` is derived here and nowhere else: an alternative is *preserving* where every example that uses it gave the same
values and gradients as the original on the original's own engine, in every stack that has the symbol. The record is void as
soon as the rule changes (its digest no longer matches).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kmigrate.model import UserError
from kmigrate.rulebook.rule import Rule

FILE_NAME = "proof.json"


@dataclass(frozen=True, slots=True)
class Claim:
    """``preserving`` and ``portable`` are None where no current proof exists; the reasons say why something is not so.

    ``tf_keras``: preserving with the ``K`` of tensorflow.keras as well, which lacks some functions of Keras's own.
    """

    preserving: bool | None = None
    portable: bool | None = None
    reason: str | None = None
    portability: str | None = None
    tf_keras: bool | None = None
    tf_keras_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Proofs:
    records: dict[str, Any]

    @classmethod
    def read(cls, directories: Iterable[Path]) -> Proofs:
        """The proofs of several rule directories; one that has none adds nothing.

        Raises:
            UserError: a proof file is not valid JSON.
        """
        records: dict[str, Any] = {}
        for directory in directories:
            path = directory / FILE_NAME
            if not path.is_file():
                continue
            try:
                records.update(json.loads(path.read_text("utf-8"))["rules"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise UserError(f"{path}: not a proof file ({error}); make it anew with: kmigrate rules --prove") from error
        return cls(records)

    def record(self, rule: Rule) -> dict[str, Any] | None:
        """The record of a rule if it is current."""
        record = self.records.get(rule.code)
        return record if record is not None and record.get("digest") == rule.digest else None

    def claim(self, rule: Rule, alternative: int) -> Claim:
        record = self.record(rule)
        claims = (record or {}).get("alternatives", {})
        claim = claims.get(str(alternative))
        if claim is None:
            stale = rule.code in self.records and record is None
            why = "the rule changed after its proof" if stale else "no example has proven it"
            return Claim(reason=f"{why}: run kmigrate rules --prove {rule.code}")
        return Claim(**claim)
