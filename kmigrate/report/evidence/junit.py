"""The evidence as JUnit XML, which CI servers show: one test case for each unit on each engine.

``different`` is a failure and ``error`` an error, on the engine that the code was written for; elsewhere, and for units that
nothing could be said of, the case is skipped with its reason, since the exit code does not count it either. Edits that no case
executed are told in ``system-out``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from kmigrate.report.evidence import Evidence, Unit
from kmigrate.report.verdicts import not_executed

# What XML 1.0 cannot hold, not even as a reference.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS = {"different": "failure", "error": "error"}


def render(evidence: Evidence, color: bool = False) -> str:
    suite = ElementTree.Element("testsuite", name=f"kmigrate verify ({evidence.stack})")
    counts = {"failure": 0, "error": 0, "skipped": 0}
    cases = [case for unit in evidence.units for case in _cases(unit)]
    for case in cases:
        suite.append(case)
        for tag in counts:
            counts[tag] += case.find(tag) is not None
    suite.set("tests", str(len(cases)))
    for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(attribute, str(counts[tag]))
    if evidence.missing:
        ElementTree.SubElement(suite, "system-err").text = f"not finished: {evidence.missing} units have no verdict yet"
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _cases(unit: Unit) -> Iterator[ElementTree.Element]:
    engines = list(unit["engines"].items())
    for position, (engine, result) in enumerate(engines):
        yield _case(unit, engine, result, own=position == 0)


def _case(unit: Unit, engine: str, result: Any, own: bool) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase",
        classname=_clean(unit["path"]),
        name=_clean(f"{unit['qualname']} [{engine}]"),
        file=_clean(unit["path"]),
        line=str(unit.get("line", 0)),
    )
    verdict = result["verdict"]
    if verdict not in ("identical", "equal"):
        tag = _TAGS.get(verdict, "skipped") if own else "skipped"
        reason = _clean(result.get("reason") or unit.get("reason") or verdict)
        found = ElementTree.SubElement(case, tag, message=f"{verdict}: {reason}")
        if unit.get("blame") and own:
            found.text = _clean(f"blame: {unit['blame']}")
    if own and (missed := not_executed(unit)):
        ElementTree.SubElement(case, "system-out").text = _clean(missed)
    return case


def _clean(text: Any) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", str(text))
