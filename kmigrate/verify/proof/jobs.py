"""The texts of the proof: an example of a rule as a module before and after, made by the code that rewrites users' files.

What is proven is what is shipped: the text after comes from the real linter and fixer.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from kmigrate.fix.apply import FixError, apply_fixes
from kmigrate.fix.layout import CallLayout, LayoutError, applied_layout, method_layout
from kmigrate.lint import Analysis, analyse
from kmigrate.methods import method_references
from kmigrate.project import fixes_to_apply
from kmigrate.rulebook.binding import Bound, NoFix, bind
from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.conditions import Unknown, evaluate
from kmigrate.rulebook.rule import Example, Rule
from kmigrate.source import Source
from kmigrate.values import UseFacts, Values
from kmigrate.values.domain import ANY_ENGINE, Value, of_constant, of_rank, tensor
from kmigrate.verify.specs import SpecError, parse

_HEADER = {
    "tensorflow": "import tensorflow as tf\nfrom keras import backend as K\n\n\n",
    "theano": "import theano\nimport theano.tensor as T\nfrom theano import tensor\nfrom keras import backend as K\n\n\n",
}
# "unknown" never holds: what stands under it is always an assumption.
_OF_THE_INPUT = frozenset({"rank", "dtype", "floating", "integer", "unknown", "unranked", "tensor"})
# What the concrete inputs of a case are: name -> (rank or None, dtype).
Facts = Mapping[str, tuple[int | None, str]]


def _anything(_: Facts) -> bool:
    return True


def _nothing(_: Facts) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Job:
    """One example as two modules. ``alternative`` is None for an example that must be refused; ``problem``: it was not.

    ``varies`` says whether the alternative claims anything beyond the ranks and dtypes of its example, ``holds`` whether
    its condition holds for given ones, ``refuses`` whether the rule has no fix for them; ``kinds`` is as in a Claim.
    """

    rule: Rule
    number: int
    example: Example
    alternative: int | None
    before: str = ""
    after: str = ""
    problem: str | None = None
    varies: bool = False
    holds: Callable[[Facts], bool] = field(default=_anything, compare=False)
    refuses: Callable[[Facts], bool] = field(default=_nothing, compare=False)
    kinds: Mapping[str, frozenset[str]] = field(default_factory=dict, compare=False)


def job_of(book: Rulebook, rule: Rule, number: int) -> Job:
    """Rewrite one example with the real linter and fixer, and compare the text with what the example expects."""
    example = rule.examples[number]
    for name, text in example.inputs.items():
        try:
            parse(text)
        except SpecError as error:
            return Job(rule, number, example, None, problem=f"inputs: {name}: {error}")
    source = _module(rule, example)
    analysis = analyse(source, book, "keras2", whole_module=True)
    line = source.text.count("\n", 0, source.text.rindex("    result = ")) + 1
    uses = [f for f in analysis.findings if f.code == rule.code and f.line >= line]
    # What cannot stand in an expression (an annotation) stands in the setup: then the expected text is that of the use.
    inside = not uses
    uses = uses or [f for f in analysis.findings if f.code == rule.code]
    if not uses:
        return Job(rule, number, example, None, problem="the example does not use the rule's symbol")
    use = uses[0]
    expected = example.after.get("keras2")
    if expected is None:
        wrong = use.fix is not None and use.fix.assumption is None
        problem = f"must be refused, but is rewritten to {use.fix.replacement}" if wrong and use.fix else None
        return Job(rule, number, example, None, problem=problem)
    if use.fix is None:
        return Job(rule, number, example, None, problem=f"not rewritten: {use.message}")
    try:
        text = apply_fixes(analysis, fixes_to_apply(analysis.findings, unsafe=True))
    except FixError as error:
        return Job(rule, number, example, None, problem=str(error))
    index = analysis.alternatives[use.span]
    problem = None
    found = use.fix.replacement if inside else _expression(text)
    if found != ast.unparse(ast.parse(expected, mode="eval").body):
        problem = f"rewritten to {found}, the example expects {expected}"
    alternative = rule.alternatives[index]
    asks = _Asks(analysis, rule, use.start)
    kinds = asks.kinds(_literals(example))
    varies = alternative.when is not None or alternative.assume is None
    if not varies:
        return Job(rule, number, example, index, source.text, text, problem, kinds=kinds)
    holds = _anything if alternative.when is None or not _about_input(alternative.when) else asks.all_of([alternative.when])
    refusals = [refusal.when for refusal in rule.refusals if _about_input(refusal.when)]
    refuses = asks.any_of(refusals) if refusals else _nothing
    return Job(rule, number, example, index, source.text, text, problem, True, holds, refuses, kinds)


def _literals(example: Example) -> dict[str, Value]:
    """The inputs that are handed over as Python values."""
    specs = {name: parse(text) for name, text in example.inputs.items()}
    return {name: of_constant(spec.value) for name, spec in specs.items() if spec.kind == "literal"}


def _module(rule: Rule, example: Example) -> Source:
    setup = "".join(f"    {line}\n" for line in example.setup.splitlines())
    result = f"    result = ({example.before})\n"
    ending = f"    return {example.evaluate or 'result'}\n"
    text = f"{_HEADER[rule.engine]}def example({', '.join(example.inputs)}):\n{setup}{result}{ending}"
    return Source.parse(f"example of {rule.code}", text.encode())


def _expression(text: str) -> str:
    function = next(n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef))
    for statement in function.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "result":
            found = ast.unparse(statement.value)
    return found


def _given(analysis: Analysis, facts: Facts) -> Values:
    """The analyzer's knowledge, and that of the function's arguments."""
    known = {name: tensor(ANY_ENGINE, of_rank(rank), dtype) for name, (rank, dtype) in facts.items()}
    return Values(analysis.names, analysis.layer_code, known)


def _about_input(condition: ast.expr) -> bool:
    """Whether the condition asks for what the inputs are, and not only for how the call is written."""
    called = {n.func.id for n in ast.walk(condition) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    return bool(called & _OF_THE_INPUT)


class _Asks:
    """Conditions of one use, for concrete inputs; unknown counts as no."""

    def __init__(self, analysis: Analysis, rule: Rule, start: int) -> None:
        self.analysis, self.rule = analysis, rule
        source = analysis.source
        self.bounds: list[Bound] = []
        for layout in _layouts(analysis, rule):
            try:
                use, made = layout
                if source.span(use)[0] == start:
                    self.bounds.append(bind(rule, made()))
            except (NoFix, LayoutError):
                continue

    def one(self, condition: ast.expr, facts: Facts) -> bool:
        values = _given(self.analysis, facts)
        return any(evaluate(condition, _Facts(self.rule, bound, values)) is True for bound in self.bounds)

    def kinds(self, literals: Mapping[str, Value]) -> dict[str, frozenset[str]]:
        """By parameter, what kinds of Python value the example gives."""
        values = Values(self.analysis.names, self.analysis.layer_code, literals)
        found: dict[str, frozenset[str]] = {}
        for bound in self.bounds:
            facts = _Facts(self.rule, bound, values)
            for name in (*bound.given, *bound.variadic):
                found[name] = found.get(name, frozenset()) | facts.kinds(name)
        return {name: kinds for name, kinds in found.items() if kinds}

    def all_of(self, conditions: list[ast.expr]) -> Callable[[Facts], bool]:
        return lambda facts: all(self.one(condition, facts) for condition in conditions)

    def any_of(self, conditions: list[ast.expr]) -> Callable[[Facts], bool]:
        return lambda facts: any(self.one(condition, facts) for condition in conditions)


def _layouts(analysis: Analysis, rule: Rule) -> Iterator[tuple[ast.expr, Callable[[], CallLayout]]]:
    """Each expression that may be the use of the rule's symbol, with what takes it apart."""
    methods = list(method_references(analysis.names, analysis.layer_code, Values(analysis.names, analysis.layer_code)))
    for method in methods:
        if method.use is not None and method.arguments and set(method.meaning.symbols) <= set(rule.symbols):
            yield method.use, partial(method_layout, analysis.source, method.use, method.arguments)
    if not any(set(method.meaning.symbols) <= set(rule.symbols) for method in methods):
        for call in ast.walk(analysis.source.tree):
            if isinstance(call, ast.Call):
                yield (
                    call,
                    partial(applied_layout, analysis.source, call, analysis.names.parents.get(call) if rule.applied else None),
                )


class _Facts(UseFacts):
    def __init__(self, rule: Rule, bound: Bound, values: Values) -> None:
        super().__init__(rule, bound, values, False)

    def callee_argument(self) -> bool:
        raise Unknown("not asked of inputs")
