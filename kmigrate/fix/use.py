"""The fix of one use: its rule's first alternative that holds here, filled in, with what is proven of it."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from kmigrate.fix.backend import BackendName, BackendNames
from kmigrate.fix.layout import CallLayout, applied_layout, call_layout, method_layout
from kmigrate.fix.mentions import Mentions
from kmigrate.fix.standing import Standing
from kmigrate.flavour import is_disputed
from kmigrate.methods import MethodReference
from kmigrate.model import TIED_TO_TENSORFLOW, Edit, Fix, Slice, Span, Target
from kmigrate.names import Names, Reference, Scope
from kmigrate.names.nodes import walked
from kmigrate.rulebook.binding import Bound, NoFix, bind
from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.conditions import evaluate
from kmigrate.rulebook.load import BACKEND_NAME, IMPORTABLE
from kmigrate.rulebook.render import render_call, render_function, render_value
from kmigrate.rulebook.rule import Alternative, Rule
from kmigrate.rulebook.site import Site
from kmigrate.source import Source
from kmigrate.values import AgreedFacts, Observations, Observed, UseFacts, Values
from kmigrate.values.kinds import in_words, is_proven
from kmigrate.values.observed import Fact

# The builtins whose names Keras's backend, numpy and the engines have as well.
_STARRED = frozenset("abs all any eval max min pow round slice sum".split())


def _may_bring(module: str) -> bool:
    """Whether a star import of ``module`` may bind them."""
    return not module.startswith("keras.") or module.startswith("keras.backend")


class Candidate(NamedTuple):
    """An alternative that may be taken: whether its condition holds, and what runs were asked for that."""

    number: int
    alternative: Alternative
    holds: bool | None
    asked: frozenset[Fact]


class Fixer:
    """The fixes of one module; ``hiding`` are the new names that would hide another elsewhere, ``undecided``: another module
    decides which Keras it gets (both see ``Surroundings``), ``observed`` is what runs of it showed."""

    def __init__(
        self,
        source: Source,
        names: Names,
        values: Values,
        book: Rulebook,
        target: Target,
        flavour: str,
        hiding: Collection[tuple[str, str]] = (),
        undecided: bool = False,
        observed: Observed | None = None,
    ) -> None:
        self.source = source
        self.names = names
        self.values = values
        self.book = book
        self.target = target
        self.flavour = flavour
        self.disputed = target == "keras2" and is_disputed(source.text, names)
        self.inside = target == "keras2" and (flavour == "tf.keras" or self.disputed)
        self.undecided = target == "keras2" and undecided
        self.standing = Standing(source, names)
        self.mentions = Mentions(source)
        self.backend = BackendNames(names, target, flavour, hiding)
        self.observed = observed or {}
        self.arguments: dict[Span, tuple[Slice, ...]] = {}

    def fix(self, rule: Rule, reference: Reference, use: ast.expr, call: ast.Call | None) -> tuple[Fix, int]:
        """The fix of one use and the number of the alternative that it comes from. Raises NoFix, LayoutError."""
        if not rule.alternatives:
            raise NoFix(rule.guidance or "a person must decide")
        layout = self._layout(rule, reference, use, call)
        bound = bind(rule, layout) if layout is not None else Bound()
        use = self._whole(use, layout)
        standing = self.standing
        stands = standing.place(use)
        facts = UseFacts(rule, bound, self.values, standing.callee_argument(use), stands)
        seen = self._observations(use, layout, facts)
        not_refused = _examine_refusals(rule, facts, seen)
        around, taken = standing.subscript(use)
        bare, bare_taken, named = standing.bare(use), standing.bare(around), standing.dtype_name(reference)
        scope = self._scope(reference)
        backend = self.backend.at(reference.node, scope)
        reason: str | None = None  # the error itself would hold this frame, which holds the file's whole tree
        for index, alternative, holds, asked in self._candidates(rule, facts, seen):
            template = alternative.replacement[self.target]
            learned = set(asked | not_refused)
            known = facts if seen is None else AgreedFacts(seen, learned)
            around_it = bare, self.source.span, taken, bare_taken, named, partial(self._is_hidden, scope)
            site = Site(self.source.text, backend.name, known, standing.pure, *around_it, isinstance(scope.node, ast.ClassDef))
            try:
                self._check_free(template, reference)
                self._check_there(rule, index)
                place, calling = use, None
                if layout is not None:
                    pieces, picked = render_call(rule, template, BACKEND_NAME[self.target], bound, layout, site)
                    place = around if picked else use
                else:
                    pieces, calling = self._uncalled(rule, template, use, stands, site)
            except NoFix as error:
                reason = reason or str(error)
                continue
            # An assumption without a condition can never be established; with one, it is moot once the condition holds.
            assumption = alternative.assume if holds is None or alternative.when is None else None
            observed = seen.said(frozenset(learned)) if seen is not None and learned else None
            assumption = _and(str(observed), assumption) if observed is not None else assumption
            if calling is not None:
                assumption = _and(assumption, f"it is called with {calling} positional argument{'s' if calling > 1 else ''} only")
            if isinstance(reference, MethodReference):
                assumption = _and(reference.assumed, assumption)
            unproven = self._unproven(rule, index, template, facts, seen)
            assumption = _and(assumption, unproven) if observed is not None else assumption or unproven
            assumption = _and(self._lost_name(template, bound), assumption)
            assumption = _and(self._new_import(template, backend, reference), assumption)
            made = replace(self._made(rule, index, place, pieces, assumption), observed=observed)
            # A claim is about what was proven.
            return (replace(made, portable=None, portability=None) if unproven and made.portable else made), index
        raise NoFix(reason or self._no_alternative(rule))

    def _uncalled(
        self, rule: Rule, template: ast.expr, use: ast.expr, stands: set[str], site: Site
    ) -> tuple[tuple[str | Slice, ...], int | None]:
        """What replaces a symbol that is not called here, and how many arguments it is assumed to be called with, if any."""
        if rule.parameters is not None:
            if not stands.isdisjoint({"compared", "identity"}):
                raise NoFix("a function that is compared: what it is compared with must change as well")
            if not stands.isdisjoint({"annotation", "type"}):
                raise NoFix("named as a type: the replacement is a function, no class")
            if self.standing.with_arguments(use):
                raise NoFix("a function that is handed on with arguments of its own: call it in a lambda")
            pieces, count = render_function(rule, template, BACKEND_NAME[self.target], site)
            return pieces, None if count == 1 and self.standing.activation(use) else count
        if "read" in stands:
            raise NoFix("the annotation decides what is called or made")
        if "identity" in stands and not (isinstance(template, ast.Constant) and template.value is None):
            raise NoFix("its identity is asked for: the replacement is another object")
        return render_value(template, BACKEND_NAME[self.target], site), None

    def _observations(self, use: ast.expr, layout: CallLayout | None, facts: UseFacts) -> Observations | None:
        """What runs showed of this use; the places of its arguments are kept, so that they can be watched."""
        if layout is None:
            return None
        span = self.source.span(use)
        self.arguments[span] = tuple(argument.value for argument in layout.arguments)
        calls = self.observed.get(span, ())
        return Observations(facts, layout.arguments, calls) if calls else None

    def _layout(self, rule: Rule, reference: Reference, use: ast.expr, call: ast.Call | None) -> CallLayout | None:
        if self.standing.f_string(use) is not None:
            raise NoFix("inside an f-string")
        if isinstance(reference, MethodReference):
            if not reference.arguments:
                raise NoFix("the shape is not taken from its tensor here")
            if use is reference.node and reference.uncalled:
                raise NoFix("used as a value, not called")
            return method_layout(self.source, use, reference.arguments)
        if not isinstance(use, ast.Call) or use is not call:
            return None
        return (
            call_layout(self.source, use)
            if rule.applied is None
            else applied_layout(self.source, use, self.names.parents.get(use))
        )

    def _whole(self, use: ast.expr, layout: CallLayout | None) -> ast.expr:
        """What the fix replaces: the use, or the call of what it returns."""
        parent = self.names.parents.get(use)
        return parent if layout is not None and layout.applied is not None and isinstance(parent, ast.Call) else use

    def _check_free(self, template: ast.expr, reference: Reference) -> None:
        """A name that the fix will import must not mean something else here."""
        for node in walked(template):
            if isinstance(node, ast.Name) and node.id in IMPORTABLE:
                symbol = f"{IMPORTABLE[node.id]}.{node.id}"
                if not self.backend.is_there(node.id, symbol, reference.node, self._scope(reference)):
                    raise NoFix(f"{node.id!r} means something else here, or is bound too late")
                if self._scope(reference).lookup(node.id) is None and self.backend.hides(node.id):
                    raise NoFix(f"{node.id!r} would hide another in a file that star-imports this one")

    def _lost_name(self, template: ast.expr, bound: Bound) -> str | None:
        """What is assumed where the result had a name for which the replacement has no place."""
        name = bound.given.get("name")
        if name is None or not isinstance(name.node, ast.Constant) or not isinstance(name.node.value, str):
            return None
        kept = any(isinstance(node, ast.Name) and node.id == "name" for node in walked(template))
        return (
            None
            if kept or not self.mentions.looks_up(name.node.value)
            else f"nothing looks it up by its name {name.node.value!r}"
        )

    def _new_import(self, template: ast.expr, backend: BackendName, reference: Reference) -> str | None:
        """What is assumed of a new import of Keras: that it may stand there, and that the file's layers are of the same one."""
        named = {node.id for node in walked(template) if isinstance(node, ast.Name)}
        needed = {backend.name if name == BACKEND_NAME[self.target] else name for name in named}
        needed = {name for name in needed if name == backend.name or IMPORTABLE.get(name) == "keras"}
        if all(self._scope(reference).lookup(name) for name in needed):
            return None
        if not (self.disputed or self.undecided):
            return backend.assumed
        inside = "the Keras inside TensorFlow" if self.flavour == "tf.keras" else "Keras itself"
        who = "it" if self.disputed else "what it takes Keras from"
        return _and(backend.assumed, f"the layers of this file are those of {inside} ({who} imports both)")

    def _is_hidden(self, scope: Scope, builtin: str) -> bool:
        """Whether a builtin means something else in ``scope``, or may."""
        return scope.lookup(builtin) is not None or (builtin in _STARRED and any(map(_may_bring, self.names.stars)))

    def _check_there(self, rule: Rule, index: int) -> None:
        """A replacement that fails in every run is no fix, not even an unsafe one."""
        lacking = self.book.claim(rule, index).lacking if self.inside else None
        if lacking is not None:
            raise NoFix(f"the K of tensorflow.keras has no `{lacking}`: import K from `keras`")

    def _candidates(self, rule: Rule, facts: UseFacts, seen: Observations | None) -> list[Candidate]:
        """The alternatives that may be taken, the best first: those that the text shows to hold, those that hold in all calls
        that were seen, those that must be assumed. What was seen goes first where it alone gives a portable fix."""
        found: list[Candidate] = []
        for index, alternative in enumerate(rule.alternatives):
            if self.target in alternative.replacement:
                certain = True if alternative.assume is None else None
                holds = certain if alternative.when is None else evaluate(alternative.when, facts)
                asked: frozenset[Fact] = frozenset()
                # The text takes a name for no number: that is a question of literals there.
                if not holds and seen is not None and alternative.when is not None:
                    answer, asked = seen.holds(alternative.when)
                    holds = answer if answer or holds is None else holds
                if holds or (holds is None and alternative.assume is not None):
                    found.append(Candidate(index, alternative, holds, asked))
        shown = next((c for c in found if c.holds and not c.asked), None)
        if seen is not None and shown is not None and not self.book.claim(rule, shown.number).portable:
            found.sort(key=lambda c: not (c.holds and c.asked and self.book.claim(rule, c.number).portable))
            return sorted(found, key=lambda c: c.holds is None)
        return sorted(found, key=lambda c: (c.holds is None, bool(c.asked)))

    def _unproven(self, rule: Rule, index: int, template: ast.expr, facts: UseFacts, seen: Observations | None) -> str | None:
        """What the call gives that no example of the proof gave; None where it was all tried."""
        proven = self.book.claim(rule, index).kinds
        asked = rule.alternatives[index].when
        taken = {node.id for tree in (template, asked) if tree is not None for node in walked(tree) if isinstance(node, ast.Name)}
        for name in (*facts.bound.given, *facts.bound.variadic):
            if name in taken:
                for kind in sorted(facts.kinds(name) or (seen.kinds(name) if seen is not None else ())):
                    if not is_proven(kind, proven.get(name, ())):
                        return f"no example has proven it with {in_words(kind)} for `{name}`"
        return None

    def _no_alternative(self, rule: Rule) -> str:
        if not any(self.target in a.replacement for a in rule.alternatives):
            return rule.guidance or f"no replacement is recorded for {self.target}"
        conditions = sorted({a.when_text for a in rule.alternatives if a.when_text})
        return f"needs {' or '.join(conditions)}, which the code does not show" if conditions else "a person must decide"

    def _made(self, rule: Rule, index: int, use: ast.expr, pieces: tuple[str | Slice, ...], assumption: str | None) -> Fix:
        start, end = self.source.span(use)
        text = self.source.text
        replacement = "".join(p if isinstance(p, str) else text[p.start : p.end] for p in pieces)
        try:
            ast.parse(f"({replacement})", mode="eval")
        except (SyntaxError, RecursionError, MemoryError):
            raise NoFix("the replacement would not parse here") from None
        claim = self.book.claim(rule, index)
        if self.target != "keras2":
            assumption = assumption or "not proven by execution on this target"
            portable, portability = None, None
        else:
            portable, portability = claim.portable, claim.portability
            if not claim.preserving and assumption is None:
                assumption = claim.reason or "the proof failed"
            if (self.inside or self.undecided) and not claim.tf_keras and assumption is None:
                assumption = f"not proven with the K of tensorflow.keras ({claim.tf_keras_reason or 'no proof'})"
            if self.inside:
                apart = f"; {portability}" if portable is False and portability else ""
                portable, portability = False, TIED_TO_TENSORFLOW + apart
        return Fix(
            "unsafe" if assumption else "safe",
            replacement,
            Edit(start, end, pieces),
            assumption,
            portable,
            portability,
        )

    def _scope(self, reference: Reference) -> Scope:
        """The scope of the innermost name of a use: of ``tf`` in ``tf.exp``, of ``x`` in ``(x + 1).sum()``."""
        at: ast.AST = reference.node
        while isinstance(at, ast.Attribute):
            at = at.value
        name = next((node for node in ast.walk(at) if isinstance(node, ast.Name)), None)
        return self.names.module if name is None else self.names.scope_of(name)


def _examine_refusals(rule: Rule, facts: UseFacts, seen: Observations | None) -> frozenset[Fact]:
    """What runs were asked to see that no refusal holds. Raises NoFix where one does, or may."""
    asked: frozenset[Fact] = frozenset()
    for refusal in rule.refusals:
        answer = evaluate(refusal.when, facts)
        if answer is None and seen is not None:
            answer, more = seen.holds_in_any(refusal.when)
            asked |= more if refusal.if_unknown else frozenset()
        if answer or (answer is None and refusal.if_unknown):
            raise NoFix(refusal.reason)
    return asked


def _and(first: str | None, second: str | None) -> str | None:
    return f"{first}, and {second}" if first and second else first or second
