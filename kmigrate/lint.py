"""Names, layer code, values and the rulebook -> findings, each with its fix where there is one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass

from kmigrate.fix.layout import CallLayout, LayoutError, call_layout, method_layout
from kmigrate.flavour import own_flavour
from kmigrate.layers import LayerCode
from kmigrate.layers.index import Surroundings
from kmigrate.methods import MethodReference, method_references
from kmigrate.model import Context, Edit, Finding, Fix, Slice, Span, Target, Unit
from kmigrate.names import Definition, Names, Reference, Scope, engine_of
from kmigrate.names.aliases import canonical_symbol, is_known
from kmigrate.rulebook.binding import Bound, NoFix, bind
from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.conditions import evaluate
from kmigrate.rulebook.dtype_names import takes_dtype_name
from kmigrate.rulebook.filling import Site
from kmigrate.rulebook.load import BACKEND_NAME, IMPORTABLE
from kmigrate.rulebook.render import render_call, render_function, render_value
from kmigrate.rulebook.rule import Alternative, Rule
from kmigrate.source import Source
from kmigrate.values import UseFacts, Values

UNKNOWN_CODE, UNKNOWN_NAME = "KM001", "unknown-symbol"
TIED_CODE, TIED_NAME = "KM002", "tied-to-tensorflow"
_BACKEND_SYMBOL: dict[Target, str] = {"keras2": "keras.backend", "keras3": "keras.ops"}
_FREE_NAMES: dict[Target, tuple[str, ...]] = {
    "keras2": ("K", "KB", "keras_backend", "_keras_backend"),
    "keras3": ("ops", "keras_ops", "_keras_ops"),
}
_ALONE = (
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.Return,
    ast.Expr,
    ast.Call,
    ast.keyword,
    ast.List,
    ast.Tuple,
    ast.Dict,
    ast.ListComp,
    ast.Lambda,
)

# Forms of a use that no replacement can stand in.
_NO_FIX = {
    "string": "inside a string",
    "getattr": "looked up by name at run time",
    "target": "assigned to or deleted",
    "attribute": "through an attribute of an object, which other code may set",
}


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of one file. ``flavour`` is ``keras`` or ``tf.keras``; by the offsets of a finding (``Finding.span``),
    ``alternatives`` tells which alternative of its rule the fix is, ``roots`` the outermost definition of layer code that it lies
    in."""

    source: Source
    names: Names
    findings: tuple[Finding, ...]
    flavour: str
    layer_code: LayerCode
    alternatives: dict[Span, int]
    roots: dict[Span, Definition]

    def units(self, applied: Iterable[Finding]) -> list[Unit]:
        """The units that the fixes of ``applied`` touch, each with the engine symbols that it still uses directly."""
        fixed = {finding.span for finding in applied}
        touched = dict.fromkeys(self.roots[span] for span in sorted(fixed) if span in self.roots)
        stays: dict[Definition, dict[str, set[str]]] = {}
        for finding in self.findings:
            root = self.roots.get(finding.span)
            engine = engine_of(finding.symbol)
            if root is not None and engine is not None and finding.span not in fixed:
                stays.setdefault(root, {}).setdefault(engine, set()).add(finding.symbol)
        return [
            Unit(
                root.qualname,
                self.layer_code.roots[root].kind,
                root.node.lineno,
                {engine: tuple(sorted(symbols)) for engine, symbols in stays.get(root, {}).items()},
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
) -> Analysis:
    """The findings of one file, in the order of the text. ``surroundings`` is what its project says about it; without, the
    file stands alone."""
    names = Names(source.tree, is_known, surroundings.imported if surroundings else None)
    return _Linter(source, names, book, target, whole_module, surroundings).run()


def flavour_of(source: Source, names: Names, surroundings: Surroundings | None = None) -> str:
    """``tf.keras`` for a file that uses the Keras inside TensorFlow and no other, else ``keras``."""
    return own_flavour(source.text, names) or (surroundings.flavour if surroundings else None) or "keras"


class _Linter:
    def __init__(
        self, source: Source, names: Names, book: Rulebook, target: Target, whole: bool, surroundings: Surroundings | None
    ) -> None:
        self.source = source
        self.names = names
        self.book = book
        self.target = target
        self.layer_code = LayerCode(names, whole, surroundings)
        self.values = Values(names, self.layer_code)
        self.flavour = flavour_of(source, names, surroundings)
        self.alternatives: dict[Span, int] = {}
        self.roots: dict[Span, Definition] = {}
        self.backend_names = self._backend_names()
        self.free_name: str | None = None

    def run(self) -> Analysis:
        findings = []
        methods = method_references(self.names, self.layer_code, self.values)
        for reference in (*self.names.engine_references(), *methods):
            context = self.layer_code.context(reference.definition)
            if context is not None:
                findings.append(self.finding(reference, context))
        tied = self._tied(bool(findings))
        if tied is not None:
            findings.append(tied)
        findings.sort(key=lambda f: (f.line, f.column))
        return Analysis(self.source, self.names, tuple(findings), self.flavour, self.layer_code, self.alternatives, self.roots)

    # ---- one finding

    def finding(self, reference: Reference, context: Context) -> Finding:
        node = reference.node
        parent = self.names.parents.get(node)
        call = parent if isinstance(parent, ast.Call) and parent.func is node else None
        symbols = reference.meaning.symbols
        symbol = next(s for s in symbols if engine_of(s))
        rules = {self.book.find(s) for s in symbols}
        rule = self.book.find(symbol)
        use: ast.expr = call if call is not None and (rule is None or rule.parameters is not None) else node
        if isinstance(reference, MethodReference) and reference.use is not None:
            use = reference.use
        fix: Fix | None = None
        if rule is None:
            message = f"`{symbol}` is a direct engine use, and no rule knows it"
        else:
            try:
                if len(rules) > 1:
                    raise NoFix("the name means different things on different paths")
                if not reference.meaning.certain:
                    raise NoFix("the name is also bound to something else")
                if reference.how in _NO_FIX:
                    raise NoFix(_NO_FIX[reference.how])
                fix, index = self.fix(rule, reference, use, call)
                message = f"`{symbol}` is a direct engine use: write `{_short(fix.replacement)}`"
            except (NoFix, LayoutError) as reason:
                message = f"`{symbol}` is a direct engine use; no fix: {reason}"
                if rule.guidance and str(reason) != rule.guidance:
                    message += f". {rule.guidance}"
        start, end = self._span(use)
        if fix is not None:
            self.alternatives[start, end] = index
        root = self.layer_code.root_of(reference.definition)
        if root is not None:
            self.roots[start, end] = root
        line, column = self.source.position(start)
        end_line, end_column = self.source.position(end)
        code, name = (rule.code, rule.name) if rule else (UNKNOWN_CODE, UNKNOWN_NAME)
        return Finding(
            code,
            name,
            canonical_symbol(symbol),
            message,
            self.source.path,
            line,
            column,
            end_line,
            end_column,
            context,
            fix,
            start,
            end,
        )

    def _span(self, node: ast.expr) -> tuple[int, int]:
        """A node inside an f-string stands where the f-string stands: Python misplaces it before 3.12."""
        outer = self._f_string(node)
        return self.source.span(outer if outer is not None else node)

    def _f_string(self, node: ast.AST) -> ast.JoinedStr | None:
        found = None
        at: ast.AST | None = node
        while isinstance(at, (ast.expr, ast.keyword)) or (at is not None and isinstance(at, ast.comprehension)):
            if isinstance(at, ast.JoinedStr):
                found = at
            at = self.names.parents.get(at)
        return found

    def fix(self, rule: Rule, reference: Reference, use: ast.expr, call: ast.Call | None) -> tuple[Fix, int]:
        """The fix of one use and the number of the alternative that it comes from. Raises NoFix, LayoutError."""
        if not rule.alternatives:
            raise NoFix(rule.guidance or "a person must decide")
        if self._f_string(use) is not None:
            raise NoFix("inside an f-string")
        layout = self._layout(reference, use, call)
        bound = bind(rule, layout) if layout is not None else Bound()
        facts = UseFacts(rule, bound, self.values, self._callee_argument(use), self._place(use))
        for refusal in rule.refusals:
            answer = evaluate(refusal.when, facts)
            if answer or (answer is None and refusal.if_unknown):
                raise NoFix(refusal.reason)
        around, taken = self._subscript(use)
        site = Site(self.source.text, self._backend(reference), facts, self.pure, self._bare(around), self.source.span, taken)
        reason: NoFix | None = None
        for index, alternative, holds in self._candidates(rule, facts):
            template = alternative.replacement[self.target]
            try:
                self._check_free(template, reference)
                place, calling = use, None
                if layout is not None:
                    pieces, picked = render_call(rule, template, BACKEND_NAME[self.target], bound, layout, site)
                    place = around if picked else use
                elif rule.parameters is not None:
                    if facts.compared():
                        raise NoFix("a function that is compared: what it is compared with must change as well")
                    pieces, count = render_function(rule, template, BACKEND_NAME[self.target], site)
                    calling = None if count == 1 and self._activation(use) else count
                else:
                    pieces = render_value(template, BACKEND_NAME[self.target], site)
            except NoFix as error:
                reason = reason or error
                continue
            # An assumption without a condition can never be established; with one, it is moot once the condition holds.
            assumption = alternative.assume if holds is None or alternative.when is None else None
            if calling is not None:
                assumed = f"it is called with {calling} positional argument{'s' if calling > 1 else ''} only"
                assumption = f"{assumption}, and {assumed}" if assumption else assumed
            return self._made(rule, index, place, pieces, assumption), index
        raise reason or NoFix(self._no_alternative(rule))

    def _layout(self, reference: Reference, use: ast.expr, call: ast.Call | None) -> CallLayout | None:
        if isinstance(reference, MethodReference):
            if not reference.arguments:
                raise NoFix("the shape is not taken from its tensor here")
            if use is reference.node and reference.uncalled:
                raise NoFix("used as a value, not called")
            return method_layout(self.source, use, reference.arguments)
        return call_layout(self.source, use) if isinstance(use, ast.Call) and use is call else None

    def _check_free(self, template: ast.expr, reference: Reference) -> None:
        """A name that the fix will import must not mean something else here."""
        for node in ast.walk(template):
            if isinstance(node, ast.Name) and node.id in IMPORTABLE:
                scope = self._scope(reference).lookup(node.id)
                for binding in scope.bindings[node.id] if scope else ():
                    if binding.symbol != f"{IMPORTABLE[node.id]}.{node.id}":
                        raise NoFix(f"{node.id!r} means something else here")

    def _candidates(self, rule: Rule, facts: UseFacts) -> list[tuple[int, Alternative, bool | None]]:
        """(index, alternative, whether its condition holds): those that hold first, then those that must be assumed."""
        found = []
        for index, alternative in enumerate(rule.alternatives):
            if self.target in alternative.replacement:
                certain = True if alternative.assume is None else None
                holds = certain if alternative.when is None else evaluate(alternative.when, facts)
                if holds or (holds is None and alternative.assume is not None):
                    found.append((index, alternative, holds))
        return sorted(found, key=lambda candidate: candidate[2] is None)

    def _no_alternative(self, rule: Rule) -> str:
        if not any(self.target in a.replacement for a in rule.alternatives):
            return f"no replacement is recorded for {self.target}"
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
            if self.flavour == "tf.keras":
                if not claim.tf_keras and assumption is None:
                    assumption = f"not proven with the K of tensorflow.keras ({claim.tf_keras_reason or 'no proof'})"
                portable, portability = False, "imported from tensorflow.keras: still tied to TensorFlow"
        return Fix(
            "unsafe" if assumption else "safe",
            replacement,
            Edit(start, end, pieces),
            assumption,
            portable,
            portability,
        )

    # ---- the place

    def _subscript(self, use: ast.expr) -> tuple[ast.expr, int | None]:
        """The subscript around the use that takes one element of its value, with the index; else the use itself."""
        parent = self.names.parents.get(use)
        if isinstance(parent, ast.Subscript) and parent.value is use and isinstance(parent.slice, ast.Constant):
            index = parent.slice.value
            between = self.source.text[self.source.span(use)[1] : self.source.span(parent)[1]]
            if type(index) is int and isinstance(parent.ctx, ast.Load) and "#" not in between:
                return parent, index
        return use, None

    def _activation(self, use: ast.expr) -> bool:
        """Whether Keras will call the function that is handed on here, with one tensor."""
        parent = self.names.parents.get(use)
        if isinstance(parent, ast.keyword) and parent.arg in ("activation", "recurrent_activation"):
            call = self.names.parents.get(parent)
        else:
            call = parent if isinstance(parent, ast.Call) and parent.args[:1] == [use] else None
            if call is not None and not ast.unparse(call.func).endswith(("Activation", "Lambda")):
                call = None
        if not isinstance(call, ast.Call):
            return False
        return any(s.startswith(("keras.", "tf.keras.")) for s in self.names.resolve(call.func).symbols)

    def _bare(self, use: ast.expr) -> bool:
        parent = self.names.parents.get(use)
        if isinstance(parent, ast.Call):
            return parent.func is not use
        if isinstance(parent, ast.Subscript):
            return parent.slice is use
        return isinstance(parent, _ALONE)

    def _callee_argument(self, use: ast.expr) -> bool:
        """Whether what gets the value takes the name of a dtype for the dtype."""
        parent = self.names.parents.get(use)
        if isinstance(parent, ast.keyword):
            parent = self.names.parents.get(parent)
        if not isinstance(parent, ast.Call) or parent.func is use:
            return False
        symbols = self.names.resolve(parent.func).symbols
        if symbols:
            return all(s.startswith("keras.") or takes_dtype_name(s) for s in symbols)
        return isinstance(parent.func, ast.Attribute) and parent.func.attr in ("add_weight", "add_variable")

    def _keras_argument(self, use: ast.expr) -> bool:
        """Whether Keras gets the value: an argument of ``add_weight`` or of something of Keras."""
        call = self.names.parents.get(use)
        if isinstance(call, ast.keyword):
            call = self.names.parents.get(call)
        if not isinstance(call, ast.Call) or call.func is use:
            return False
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("add_weight", "add_variable"):
            return True
        symbols = self.names.resolve(call.func).symbols
        return bool(symbols) and all(s.startswith("keras.") and not s.startswith("keras.backend.") for s in symbols)

    def _place(self, use: ast.expr) -> set[str]:
        """Where the use stands, if that matters to a rule: ``annotation``, ``compared``, ``keras_argument``."""
        if self._keras_argument(use):
            return {"keras_argument"}
        at: ast.AST = use
        parent = self.names.parents.get(at)
        while isinstance(parent, (ast.Subscript, ast.Tuple, ast.List, ast.BinOp)):
            at, parent = parent, self.names.parents.get(parent)
        owners: list[ast.AST | None] = [parent]
        if isinstance(parent, ast.arguments):
            owners = [*parent.posonlyargs, *parent.args, *parent.kwonlyargs, parent.vararg, parent.kwarg]
        if any(at in (getattr(owner, "annotation", None), getattr(owner, "returns", None)) for owner in owners):
            return {"annotation"}
        if isinstance(parent, ast.Compare) and all(isinstance(o, (ast.Eq, ast.NotEq, ast.In, ast.NotIn)) for o in parent.ops):
            return {"compared"} if isinstance(at, (ast.Tuple, ast.List)) or at is use else set()
        return set()

    def pure(self, node: ast.expr) -> bool:
        """Whether it cannot be noticed when the expression is evaluated: no calls but of tensor operations without state."""
        for part in ast.walk(node):
            if isinstance(part, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)):
                return False
            if isinstance(part, ast.Call):
                symbols = self.names.resolve(part.func).symbols
                tensor = [s for s in symbols if engine_of(s) or s.startswith("keras.backend.")]
                if not tensor or any(re.search("random|shuffle|Variable|assign|update|shared|set_value", s) for s in tensor):
                    return False
        return True

    # ---- the backend's name

    def _backend_names(self) -> list[str]:
        symbol = _BACKEND_SYMBOL[self.target]
        return [
            name
            for name, bindings in self.names.module.bindings.items()
            if bindings
            and all(b.symbol == symbol for b in bindings)
            and any(self.names.parents.get(b.node) is self.source.tree for b in bindings if b.node)
        ]

    def _backend(self, reference: Reference) -> str:
        """A name that means the backend at this place: one that the file has, or a free one that the fix will import."""
        scope = self._scope(reference)
        for name in self.backend_names:
            if scope.lookup(name) is self.names.module:
                return name
        if self.free_name is None:
            taken = self.names.all_names()
            free = (name for name in _FREE_NAMES[self.target] if name not in taken)
            self.free_name = next(free, "kmigrate_backend")
        return self.free_name

    def _scope(self, reference: Reference) -> Scope:
        """The scope of the innermost name of a use: of ``tf`` in ``tf.exp``, of ``x`` in ``(x + 1).sum()``."""
        at: ast.AST = reference.node
        while isinstance(at, ast.Attribute):
            at = at.value
        name = next((node for node in ast.walk(at) if isinstance(node, ast.Name)), None)
        return self.names.module if name is None else self.names.scope_of(name)

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
        start, end = self.source.span(node)
        line, column = self.source.position(start)
        end_line, end_column = self.source.position(end)
        context = Context("module", "<module>", "the file's layers derive from tensorflow.keras")
        message = "this file uses tensorflow.keras: its `K` runs on TensorFlow alone; import from `keras` to be portable"
        return Finding(
            TIED_CODE, TIED_NAME, "tf.keras", message, self.source.path, line, column, end_line, end_column, context,
            None, start, end,
        )  # fmt: skip


def _short(text: str, limit: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
