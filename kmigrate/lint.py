"""Names, layer code, values and the rulebook -> findings, each with its fix where there is one."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from kmigrate.fix.layout import LayoutError
from kmigrate.fix.use import Fixer
from kmigrate.flavour import own_flavour
from kmigrate.layers import LayerCode
from kmigrate.layers.nouns import Surroundings
from kmigrate.methods import MethodReference, method_references
from kmigrate.model import Context, Finding, Fix, Slice, Span, Target, Unit
from kmigrate.names import Definition, Names, Reference, Walk, engine_of
from kmigrate.names.aliases import canonical_symbol, is_known
from kmigrate.rulebook.binding import NoFix
from kmigrate.rulebook.book import Rulebook
from kmigrate.source import Source
from kmigrate.values import Observed, Values

UNKNOWN_CODE, UNKNOWN_NAME = "KM001", "unknown-symbol"
TIED_CODE, TIED_NAME = "KM002", "tied-to-tensorflow"
# Forms of a use that no replacement can stand in.
_NO_FIX = {
    "string": "inside a string",
    "getattr": "looked up by name at run time",
    "target": "assigned to or deleted",
    "attribute": "through an attribute of an object, which other code may set",
}


def _alone(_: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of one file. ``flavour`` is ``keras`` or ``tf.keras``; by the offsets of a finding (``Finding.span``),
    ``alternatives`` tells which alternative of its rule the fix is, ``roots`` the outermost definition of layer code that it lies
    in, ``arguments`` where its arguments stand. ``taken`` tells whether another file of the project takes a name of this module
    from it, ``hiding`` are the new names that would hide another in one that star-imports this, ``again`` analyses another text
    of the file in the same surroundings, where it can, ``undecided`` as in ``Surroundings``."""

    source: Source
    names: Names
    findings: tuple[Finding, ...]
    flavour: str
    layer_code: LayerCode
    alternatives: dict[Span, int]
    roots: dict[Span, Definition]
    arguments: dict[Span, tuple[Slice, ...]] = field(default_factory=dict)
    taken: Callable[[str], bool] = _alone
    hiding: tuple[tuple[str, str], ...] = ()
    again: Callable[[bytes], Analysis | None] | None = None
    undecided: bool = False

    def units(self, applied: Iterable[Finding]) -> list[Unit]:
        """The units that the fixes of ``applied`` touch, each with the engine symbols that it still uses directly."""
        fixed = {finding.span for finding in applied}
        touched = dict.fromkeys(self.roots[span] for span in sorted(fixed) if span in self.roots)
        stays: dict[Definition, dict[str, set[str]]] = {}
        without: dict[Definition, set[str]] = {}
        for finding in self.findings:
            root = self.roots.get(finding.span)
            engine = engine_of(finding.symbol)
            if root is not None and engine is not None and finding.span not in fixed:
                stays.setdefault(root, {}).setdefault(engine, set()).add(finding.symbol)
                if finding.fix is None:
                    without.setdefault(root, set()).add(finding.symbol)
        return [
            Unit(
                root.qualname,
                self.layer_code.roots[root].kind,
                root.node.lineno,
                {engine: tuple(sorted(symbols)) for engine, symbols in stays.get(root, {}).items()},
                tuple(sorted(set().union(*stays.get(root, {}).values()) - without.get(root, set()))),
            )
            for root in touched
        ]

    def inside(self, qualname: str, findings: Iterable[Finding]) -> list[Finding]:
        """Those of ``findings`` that lie in the unit called ``qualname``."""
        return [f for f in findings if f.span in self.roots and self.roots[f.span].qualname == qualname]


def analyse(
    source: Source,
    book: Rulebook,
    target: Target = "keras2",
    whole_module: bool = False,
    surroundings: Surroundings | None = None,
    walk: Walk | None = None,
) -> Analysis:
    """The findings of one file, in the order of the text. ``surroundings`` is what its project says about it; without, the
    file stands alone. ``walk`` is the pass over its tree, where it was made before."""
    names = Names(source.tree, is_known, surroundings.imported if surroundings else None, walk)
    layer_code = LayerCode(names, whole_module, surroundings)
    hiding, undecided = (surroundings.hiding, surroundings.undecided) if surroundings else ((), False)
    return _Linter(source, names, book, target, layer_code, flavour_of(source, names, surroundings), hiding, undecided).run()


def analyse_again(analysis: Analysis, book: Rulebook, target: Target, observed: Observed) -> Analysis:
    """The same findings, their fixes chosen with what runs of the code showed as well."""
    known = analysis
    noted = known.flavour, known.hiding, known.undecided
    linter = _Linter(known.source, known.names, book, target, known.layer_code, *noted, observed)
    again = linter.run()
    wanted = {(finding.span, finding.code) for finding in known.findings}
    findings = tuple(f for f in again.findings if (f.span, f.code) in wanted)
    return replace(again, findings=findings, taken=known.taken)


def flavour_of(source: Source, names: Names, surroundings: Surroundings | None = None) -> str:
    """``tf.keras`` for a file that uses the Keras inside TensorFlow and no other, else ``keras``."""
    return own_flavour(source.text, names) or (surroundings.flavour if surroundings else None) or "keras"


class _Linter:
    def __init__(
        self,
        source: Source,
        names: Names,
        book: Rulebook,
        target: Target,
        layer_code: LayerCode,
        flavour: str,
        hiding: tuple[tuple[str, str], ...] = (),
        undecided: bool = False,
        observed: Observed | None = None,
    ) -> None:
        self.source = source
        self.names = names
        self.book = book
        self.target = target
        self.layer_code = layer_code
        self.values = Values(names, self.layer_code)
        self.flavour = flavour
        self.alternatives: dict[Span, int] = {}
        self.roots: dict[Span, Definition] = {}
        self.hiding = hiding
        self.undecided = undecided
        self.fixer = Fixer(source, names, self.values, book, target, self.flavour, hiding, undecided, observed)

    def run(self) -> Analysis:
        findings = []
        methods = method_references(self.names, self.layer_code, self.values)
        for reference in (*self.names.engine_references(), *methods):
            context = self.layer_code.context_of(reference)
            if context is not None:
                findings.append(self.finding(reference, context))
        tied = self._tied(bool(findings))
        if tied is not None:
            findings.append(tied)
        findings.sort(key=lambda f: (f.line, f.column))
        found, arguments = tuple(findings), self.fixer.arguments
        noted = self.alternatives, self.roots, arguments
        known = self.source, self.names, found, self.flavour, self.layer_code
        return Analysis(*known, *noted, hiding=self.hiding, undecided=self.undecided)

    # ---- one finding

    def finding(self, reference: Reference, context: Context) -> Finding:
        node = reference.node
        parent = self.names.parents.get(node)
        call = parent if isinstance(parent, ast.Call) and parent.func is node else None
        symbol = next(s for s in reference.meaning.symbols if engine_of(s))
        rule = self.book.find(symbol)
        use: ast.expr = call if call is not None and (rule is None or rule.parameters is not None) else node
        if isinstance(reference, MethodReference) and reference.use is not None:
            use = reference.use
        span = self._span(use)
        fix, message = self._fix(reference, symbol, use, call, span)
        root = self.layer_code.root_of(reference.definition)
        if root is not None:
            self.roots[span] = root
        code, name = (rule.code, rule.name) if rule else (UNKNOWN_CODE, UNKNOWN_NAME)
        return self._made(code, name, canonical_symbol(symbol), message, span, context, fix)

    def _fix(self, reference: Reference, symbol: str, use: ast.expr, call: ast.Call | None, span: Span) -> tuple[Fix | None, str]:
        """The fix of a use, if there is one, and what the finding says."""
        rule = self.book.find(symbol)
        if rule is None:
            return None, f"`{symbol}` is a direct engine use, and no rule knows it"
        try:
            if len({self.book.find(s) for s in reference.meaning.symbols}) > 1:
                raise NoFix("the name means different things on different paths")
            if not reference.meaning.certain:
                raise NoFix("the name is also bound to something else")
            if reference.how in _NO_FIX:
                raise NoFix(_NO_FIX[reference.how])
            fix, self.alternatives[span] = self.fixer.fix(rule, reference, use, call)
        except (NoFix, LayoutError) as reason:
            message = f"`{symbol}` is a direct engine use; no fix: {reason}"
            if rule.guidance and str(reason) != rule.guidance:
                message += f". {rule.guidance}"
            return None, message
        return fix, f"`{symbol}` is a direct engine use: write `{_short(fix.replacement)}`"

    def _made(self, code: str, name: str, symbol: str, message: str, span: Span, context: Context, fix: Fix | None) -> Finding:
        # The place told is that of what is replaced: `moments(x, [0])[0]` as a whole, where it becomes `K.mean(x, axis=[0])`.
        shown = span if fix is None else (fix.edit.start, fix.edit.end)
        (line, column), (end_line, end_column) = map(self.source.position, shown)
        path = self.source.path
        return Finding(code, name, symbol, message, path, line, column, end_line, end_column, context, fix, *span)

    def _span(self, node: ast.expr) -> Span:
        """A node inside an f-string stands where the f-string stands: Python misplaces it before 3.12."""
        outer = self.fixer.standing.f_string(node)
        return self.source.span(outer if outer is not None else node)

    # ---- tied to TensorFlow

    def _tied(self, has_findings: bool) -> Finding | None:
        """One finding for a tf.keras file: the abstract backend of tensorflow.keras runs on TensorFlow alone."""
        if self.flavour != "tf.keras" or self.target != "keras2":
            return None
        wanted = has_findings or any(b.symbol == "keras.backend" for bs in self.names.module.bindings.values() for b in bs)
        if not wanted or not self.layer_code.roots:
            return None
        node = next((n for n in self.names.imports if "keras" in ast.unparse(n)), None)
        node = node or next((n for n in self.names.imports if "tensorflow" in ast.unparse(n)), None)
        if node is None:
            return None
        context = Context("module", "<module>", "the file's layers derive from tensorflow.keras")
        message = "this file uses tensorflow.keras: its `K` runs on TensorFlow alone; import from `keras` to be portable"
        return self._made(TIED_CODE, TIED_NAME, "tf.keras", message, self.source.span(node), context, None)


def _short(text: str, limit: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
