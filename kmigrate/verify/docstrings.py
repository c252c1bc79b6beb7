"""What docstrings say of parameters: their types, and the shapes of tensors.

``boxes: [batch, num_boxes, (y1, x1, y2, x2)]``, ``ids (int): ...``, ``:param x: a 2D tensor``, ``x : ndarray, shape (n, 3)``.
Every claim is a candidate only: what it is worth shows when the original is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

# The words of a docstring for a type, as an annotation would say it; the first that matches.
_TYPES: tuple[tuple[str, str], ...] = (
    (r"[Tt]ensor|\bnd?array\b|\b\d-?[dD]\b", "Tensor"),
    (r"\b(callable|[Ff]unction|lambda)\b", "Callable"),
    (r"\b([Bb]ool(ean)?|True or False|[Ii]f [Tt]rue|[Ww]hether)\b", "bool"),
    (r"\b([Tt]uple|[Ll]ist|[Ss]equence) of (\w+ )?(int|size|dim)", "tuple[int]"),
    (r"\b([Tt]uple|[Ll]ist|[Ss]equence) of (\w+ )?(float|number)", "list[float]"),
    (r"\b([Ss]tr(ing)?)\b", "str"),
    (r"\b([Ff]loat|[Rr]atio|[Pp]robability)\b", "float"),
    (r"\b([Pp]ositive )?[Ii]nt(eger|eget)?\b|\b[Nn]umber of\b", "int"),
)
# Sizes of dimensions by name; any other name gets one of its own, the same wherever it stands.
_SIZES: tuple[tuple[str, int], ...] = (
    (r"batch.*|b|bs|n?_?samples?|none", 2),
    (r"h|w|.*height.*|.*width.*|rows|cols", 8),
    (r"c|ch|.*channels?.*", 3),
    (r"t|.*time.*|.*steps?.*|.*seq.*|.*len.*", 6),
    (r"d|.*dims?|.*dimensions?|.*features?.*|.*units?.*|.*embed.*|.*size", 4),
    (r".*classes.*|.*labels.*", 4),
)
_OTHERS = (6, 5, 7, 9)
_INPUT_SHAPE = re.compile(
    r"^[ \t#*]*Inputs? shapes?:?[ \t*]*\n(?P<text>(?:.*\n?)*?)(?=^[ \t#*]*Outputs? shape|\Z)", re.MULTILINE | re.IGNORECASE
)
_TENSOR = re.compile(r"[Tt]ensors?\b")
_TENSORS = re.compile(r"\b([Ll]ist|[Tt]uple)s? of (\w+ )?[Tt]ensors?\b")
# What counts something, or points at it, is whole.
_WHOLE = re.compile(r"^[\s*`-]*\w*(lengths?|_len|_ids?|_index|indices)\b[`*]*[ \t]*(is|are|:)")
_LONGEST = 320


@dataclass(frozen=True, slots=True)
class Told:
    """``type`` as an annotation would say it, "" where nothing is said; ``spec`` of a tensor, or None."""

    type: str = ""
    spec: str | None = None


@dataclass(slots=True)
class _Sizes:
    known: dict[str, int] = field(default_factory=dict)

    def of(self, name: str) -> int:
        plain = name.strip("` ").lower()
        if plain not in self.known:
            usual = next((size for pattern, size in _SIZES if re.fullmatch(pattern, plain)), None)
            taken = set(self.known.values())
            self.known[plain] = usual or next((size for size in _OTHERS if size not in taken), _OTHERS[0])
        return self.known[plain]


def told(doc: str, names: Sequence[str]) -> dict[str, Told]:
    """What the docstring says of the parameters ``names``; those of which it says nothing are not in it."""
    sizes = _Sizes()
    found: dict[str, Told] = {}
    for name, kind, text in _entries(doc):
        if name in names and name not in found:
            said = kind or text[:60]
            spec = _spec(f"{kind} {text}", sizes)
            of_type = next((of for pattern, of in _TYPES if re.search(pattern, said)), "")
            if of_type or spec:
                found[name] = Told("Tensor" if spec and of_type in ("", "str", "int") else of_type, spec)
    return found


def input_specs(doc: str) -> list[str]:
    """The shapes in the section ``Input shape`` of a layer, one spec for each tensor of it."""
    section = _INPUT_SHAPE.search(doc)
    if section is None:
        return []
    sizes = _Sizes()
    lines = section["text"].splitlines()
    if sum(bool(_TENSOR.search(line)) for line in lines) > 1:
        # "a list of three tensors: [query, keys, keys_length]" names those that the other lines describe
        lines = [line for line in lines if not _TENSORS.search(line)]
    found = [text for line in lines if (text := _spec(line, sizes)) is not None]
    if len(found) == 1 and re.search(r"[Ll]ist of", section["text"]):
        return [found[0], found[0]]
    return found[:4]


def _entries(doc: str) -> Iterator[tuple[str, str, str]]:
    """(parameter, text in parentheses behind it, its description) for each line that begins like one."""
    pattern = re.compile(
        r"^[ \t]*(?:[-*] )?(?::param[ \t]+(?:(?P<before>[\w.]+)[ \t]+)?)?[`*]*(?P<name>\w+)[`*]*[ \t]*(?:\((?P<kind>[^()\n]*)\))?"
        r"[ \t]*:(?P<text>.*)$",
        re.MULTILINE,
    )
    matches = list(pattern.finditer(doc))
    ends = [match.start() for match in matches[1:]] + [len(doc)]
    for match, end in zip(matches, ends, strict=bool(matches)):
        rest = doc[match.end() : end].partition("\n\n")[0]
        yield match["name"], match["kind"] or match["before"] or "", (match["text"] + " " + " ".join(rest.split()))[:_LONGEST]


def _spec(text: str, sizes: _Sizes) -> str | None:
    """The tensor that a description tells of."""
    integers = re.search(r"\bint(eger)?s?\b[^.]{0,20}[Tt]ensor|[Tt]ensor of (type )?`*int|dtype[=: ]*`*int|\bindices\b", text)
    integers = integers or _WHOLE.search(text)
    kind, below = ("int", "<2") if integers else ("float", "")
    for match in re.finditer(r"\[|(?<![\w\])])\(", text):
        shape = _shape(text, match.start(), sizes)
        if shape is not None and len(shape) <= 5:
            return f"{kind}[{','.join(map(str, shape))}]{below}"
    ranked = re.search(r"\brank[- ](\d)\b|\b(\d)-?[dD] (?:\w+ )?[Tt]ensor", text)
    if ranked and (rank := int(ranked.group(1) or ranked.group(2))) <= 5:
        usual = {0: (), 1: (2,), 2: (2, 4), 3: (2, 6, 4), 4: (2, 8, 8, 3), 5: (2, 4, 4, 4, 3)}[rank]
        return f"{kind}[{','.join(map(str, usual))}]{below}"
    return None


def _shape(text: str, start: int, sizes: _Sizes) -> tuple[int, ...] | None:
    """The sizes in a bracket; of words in bare parentheses only where "shape" stands before, else they are values of one row."""
    inside = _balanced(text, start)
    if inside is None:
        return None
    parts = [part.strip() for part in _split(inside)]
    if not parts or not all(map(_is_size, parts)):
        return None
    if text[start] == "(" and not re.search(r"shapes?\b[^.]{0,12}$|[Tt]ensor[^.]{0,16}$", text[:start]):
        # (y1, x1, y2, x2): four values; in quotes they are words
        return (len(parts),) if len(parts) > 1 and not any(part.isdigit() or "`" in part for part in parts) else None
    return tuple(_size(part, sizes) for part in parts)


def _is_size(part: str) -> bool:
    return bool(re.fullmatch(r"\d{1,3}|`*[A-Za-z_]\w*( \w+)?`*|\([^\[\]]*\)|[\w.]+ ?[*+-] ?[\w.]+", part))


def _size(part: str, sizes: _Sizes) -> int:
    if part.isdigit():
        return max(1, min(int(part), 32))
    if part.startswith("("):
        return max(1, len([item for item in _split(part[1:-1]) if item.strip()]))
    return sizes.of(part)


def _balanced(text: str, start: int) -> str | None:
    depth = 0
    for position in range(start, min(len(text), start + 120)):
        depth += (text[position] in "([") - (text[position] in ")]")
        if depth == 0:
            return text[start + 1 : position]
    return None


def _split(text: str) -> Iterator[str]:
    """At the commas outside of parentheses."""
    depth, piece = 0, ""
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            yield piece
            piece = ""
        else:
            piece += letter
    if piece.strip():
        yield piece


def merged(*found: Mapping[str, Told]) -> dict[str, Told]:
    """The first that says something of a parameter counts."""
    every: dict[str, Told] = {}
    for one in found:
        for name, item in one.items():
            every.setdefault(name, item)
    return every
