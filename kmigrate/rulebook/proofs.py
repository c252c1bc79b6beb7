"""What execution has shown of each rule: ``proof/NAME.json`` beside the rules file ``NAME.toml``.

``safe`` is derived here and nowhere else: an alternative is *preserving* where every example that uses it gave the same
values and gradients as the original on the original's own engine, in every stack that has the symbol. The record is void as
soon as the rule changes (its digest no longer matches).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kmigrate.model import UserError
from kmigrate.rulebook.rule import Rule

_LACKING = re.compile(r"AttributeError: module '[\w.]*keras[\w.]*\.backend' has no attribute '(\w+)'")


def proof_file(rules_file: Path) -> Path:
    """Where the proof of a rules file stands: a file of its own, so that two people can prove two files at a time."""
    return rules_file.parent / "proof" / (rules_file.stem + ".json")


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
    # What does not count (see verify.proof.judge) and is shown nevertheless: on the own engine, and on the other one.
    remark: str | None = None
    elsewhere: str | None = None
    # By parameter, the kinds of Python value that the examples had (see values.kinds).
    kinds: Mapping[str, Collection[str]] = field(default_factory=dict)

    @property
    def lacking(self) -> str | None:
        """The function that the ``K`` of tensorflow.keras was found not to have, where that is why the claim fails there."""
        found = _LACKING.search(self.tf_keras_reason or "")
        return found.group(1) if found else None


@dataclass(frozen=True, slots=True)
class Proofs:
    records: Mapping[str, Any]

    @classmethod
    def read(cls, rules_files: Iterable[Path]) -> Proofs:
        """The proofs of several rules files; one that has none adds nothing.

        Raises:
            UserError: a proof file is not valid JSON.
        """
        records: dict[str, Any] = {}
        for rules_file in rules_files:
            records.update(read_proof(proof_file(rules_file))[0])
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


Environments = dict[str, dict[str, Any]]


def read_proof(path: Path) -> tuple[dict[str, Any], Environments]:
    """The records of one proof file by rule code, and the environments that they were made in; nothing where there is no file.

    Raises:
        UserError: not valid JSON, or not a proof.
    """
    if not path.is_file():
        return {}, {}
    try:
        data = json.loads(path.read_text("utf-8"))
        return dict(data["rules"]), dict(data.get("environments", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a proof file ({error}); make it anew with: kmigrate rules --prove") from error


def write_proof(rules_file: Path, records: Mapping[str, Any], environments: Environments) -> None:
    """Store the records of the rules of one file, sorted, so that a change of one rule is a change of its own lines."""
    path = proof_file(rules_file)
    path.parent.mkdir(exist_ok=True)
    data = {"schema": 2, "environments": environments, "rules": records}
    path.write_text(_dump(data, 4) + "\n", "utf-8")


def _dump(value: Any, levels: int, indent: str = "") -> str:
    """JSON with one line for each claim: indented to some depth, and on one line below it."""
    if not levels or not isinstance(value, Mapping) or not value:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    inner = indent + " "
    lines = [f"{inner}{json.dumps(key)}: {_dump(value[key], levels - 1, inner)}" for key in sorted(value)]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
