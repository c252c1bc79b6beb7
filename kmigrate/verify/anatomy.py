"""What the text of a unit says about how to call it: parameters, how many inputs, hints about ranks.

A static reading only; nothing of the module is executed here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from kmigrate.verify.compared import choices
from kmigrate.verify.docstrings import Told, input_specs, merged, told

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Defined = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

_NOT_INPUTS = {"training", "mask", "states", "state", "initial_state", "constants", "name"}
_RECURRENT = {"RNN", "LSTM", "GRU", "SimpleRNN", "ConvLSTM2D", "Recurrent"}
# What a class calls its computation, by the order in which Keras looks for it.
_CALLS = ("call", "__call__", "update_state")
# Constructor parameters that a Keras base class requires, for subclasses without an __init__ of their own.
_BASES = {
    "Dense": ("units",),
    "Conv1D": ("filters", "kernel_size"),
    "Conv2D": ("filters", "kernel_size"),
    "Conv2DTranspose": ("filters", "kernel_size"),
    "Conv3D": ("filters", "kernel_size"),
    "DepthwiseConv2D": ("kernel_size",),
    "LSTM": ("units",),
    "GRU": ("units",),
    "SimpleRNN": ("units",),
    "LSTMCell": ("units",),
    "GRUCell": ("units",),
    "SimpleRNNCell": ("units",),
    "Embedding": ("input_dim", "output_dim"),
    "Lambda": ("function",),
    "Wrapper": ("layer",),
    "TimeDistributed": ("layer",),
    "Bidirectional": ("layer",),
    "RNN": ("cell",),
    "Dropout": ("rate",),
    "SpatialDropout1D": ("rate",),
    "SpatialDropout2D": ("rate",),
    "UpSampling2D": (),
}


_LENGTH = re.compile(r"^(.*_)?(lengths?|lens?|seq_?lens?)$")
_LENGTHS = "int[2,1]<4"


@dataclass(frozen=True, slots=True)
class Parameter:
    """``default`` is its source text, None where the parameter is required; ``annotation`` the text of its type, as the
    docstring has it where nothing is annotated; ``choices`` the words that the code compares it with; ``spec`` the tensor that
    the docstring tells of."""

    name: str
    default: str | None = None
    annotation: str | None = None
    choices: tuple[str, ...] = ()
    spec: str | None = None


@dataclass(frozen=True, slots=True)
class UnitShape:
    """How a unit is called.

    ``construct`` are the parameters of the class or of the outer function; ``inputs`` those of the call. ``count``
    is the number of tensors in the first input where the code takes it for a list (0: it does not say), ``elements`` the tensors
    that the docstring tells of for them (None for one that it does not).
    ``takes_mask`` and ``takes_states``: the call takes a mask, and states to begin with. ``optional`` are the parameters of the
    call that have a default. ``lambda_index`` numbers a lambda among all of the module.
    """

    construct: tuple[Parameter, ...]
    inputs: tuple[Parameter, ...]
    is_class: bool
    count: int
    text: str
    bases: tuple[str, ...] = ()
    takes_mask: bool = False
    takes_states: bool = False
    optional: tuple[str, ...] = ()
    lambda_index: int | None = None
    elements: tuple[str | None, ...] = ()


def read_unit(source: str, qualname: str, line: int = 0) -> UnitShape | None:
    """The shape of one unit, None if the text does not have it. Raises SyntaxError for text that does not parse."""
    tree = ast.parse(source)
    if qualname.endswith("<lambda>"):
        return _read_lambda(source, tree, line)
    node = definition_of(tree, qualname)
    if node is None:
        return None
    above = definition_of(tree, qualname.replace(".<locals>", "").rpartition(".")[0])
    outer = above if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)) else None
    text = ast.get_source_segment(source, node) or ""
    if isinstance(node, ast.ClassDef):
        return _read_class(tree, node, text)
    inputs = _known(_inputs(node, ()), [node])
    construct = _known(_parameters(outer), [outer]) if outer is not None else ()
    elements = _elements(node, inputs, [node])
    return UnitShape(construct, inputs, False, _list_length(node, inputs), text, optional=_optional(node), elements=elements)


def definition_of(tree: ast.Module, qualname: str) -> Defined | None:
    """The class or function of that qualified name, None where there is none (a lambda has no definition)."""
    node: ast.AST = tree
    for part in (part for part in qualname.split(".") if part != "<locals>"):
        found = next((child for child in _definitions(node) if child.name == part), None)
        if found is None:
            return None
        node = found
    return node if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) else None


def inner_function(source: str, qualname: str) -> str | None:
    """The function that a function returns, for losses made by a factory: ``make_loss`` gives ``make_loss.loss``."""
    tree = ast.parse(source)
    outer = next((child for child in _definitions(tree) if child.name == qualname), None)
    if not isinstance(outer, ast.FunctionDef):
        return None
    inner = {child.name for child in _definitions(outer) if isinstance(child, ast.FunctionDef)}
    for node in _own(outer):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Name) and node.value.id in inner:
            return f"{qualname}.{node.value.id}"
    return None


def concrete_class(source: str, qualname: str) -> str | None:
    """The first class of the module that fills in what an abstract class leaves open; None for a class that is not abstract."""
    tree = ast.parse(source)
    node = definition_of(tree, qualname)
    if not isinstance(node, ast.ClassDef) or not _open_methods(tree, node):
        return None
    for other in tree.body:
        if (
            isinstance(other, ast.ClassDef)
            and other is not node
            and node in class_chain(tree, other)
            and not _open_methods(tree, other)
        ):
            return other.name
    return None


def _open_methods(tree: ast.Module, node: ast.ClassDef) -> set[str]:
    """The methods that a class has, or inherits in this module, and that only say that they are to be written."""
    found: dict[str, bool] = {}
    for member in class_chain(tree, node):
        for item in member.body:
            if isinstance(item, ast.FunctionDef):
                found.setdefault(item.name, _is_open(item))
    return {name for name, is_open in found.items() if is_open}


def _is_open(method: ast.FunctionDef) -> bool:
    """Marked ``@abstractmethod``, or nothing but a docstring and ``raise NotImplementedError``."""
    if any(_last_name(mark) == "abstractmethod" for mark in method.decorator_list):
        return True
    body = [item for item in method.body if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))]
    if len(body) != 1 or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return False
    raised = body[0].exc.func if isinstance(body[0].exc, ast.Call) else body[0].exc
    return _last_name(raised) == "NotImplementedError"


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The statements and expressions of a function without those of functions inside it."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _own(child)


def _definitions(node: ast.AST) -> Iterator[Defined]:
    """Classes and functions of a body, also under if, try and with."""
    for child in _own(node):
        if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield child


def _read_lambda(source: str, tree: ast.Module, line: int) -> UnitShape | None:
    every = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    every.sort(key=lambda node: (node.lineno, node.col_offset))
    for index, node in enumerate(every):
        if node.lineno == line or (not line and len(every) == 1):
            inputs = _inputs(node)
            text = ast.get_source_segment(source, node) or ""
            return UnitShape((), inputs, False, _list_length(node, inputs), text, lambda_index=index)
    return None


def _read_class(tree: ast.Module, node: ast.ClassDef, text: str) -> UnitShape:
    chain = list(class_chain(tree, node))
    bases = tuple(_last_name(base) for member in chain for base in member.bases)
    init = next((found for member in chain if (found := _method(member, "__init__"))), None)
    if init is not None:
        construct = tuple(item for item in _parameters(init) if item.name != "self")
    else:
        construct = tuple(Parameter(name) for base in bases for name in _BASES.get(base, ()))
    construct = _known(construct, chain)
    call = next((found for member in chain for name in _CALLS if (found := _method(member, name))), None)
    outside = next((found for member in chain if (found := _method(member, "__call__"))), None)
    if call is not None and outside is not None and len(_inputs(outside, ())) > len(_inputs(call, ())):
        call = outside  # it is what callers meet, and it asks for more
    inputs = _known(_inputs(call), [call, *chain]) if call is not None else ()
    elements = _elements(call, inputs, [call, *chain]) if call is not None else ()
    if len(shown := [spec for member in chain for spec in input_specs(ast.get_docstring(member) or "")]) == 1 and inputs:
        inputs = (replace(inputs[0], spec=inputs[0].spec or shown[0]), *inputs[1:])
    elif shown:
        elements = elements or tuple(shown)
    every = [item for item in _parameters(call) if item.name != "self"] if call is not None else []
    names = [item.name for item in every]
    is_cell = len(names) > 1 and names[1].startswith("state")
    if is_cell and call is not None and any(item.default is None for item in every[2:]):
        # It wants more than the layer that runs a cell would give.
        is_cell, inputs = False, _known(_inputs(call, ()), [call, *chain])
    takes_mask = "mask" in names or is_cell  # the layer that runs a cell takes one
    takes_states = is_cell or "initial_state" in names or bool(_RECURRENT & set(bases))
    build = next((found for member in chain if (found := _method(member, "build"))), None)
    count = max(_list_length(call, inputs) if call else 0, _shape_list_length(build) if build else 0)
    everything = text + "\n" + "\n".join(ast.unparse(member) for member in chain[1:])
    optional = _optional(call) if call is not None else ()
    return UnitShape(construct, inputs, True, count, everything, bases, takes_mask, takes_states, optional, elements=elements)


def _known(parameters: tuple[Parameter, ...], nodes: Sequence[ast.AST]) -> tuple[Parameter, ...]:
    """The parameters with what docstrings and comparisons of the nodes say of them."""
    names = [item.name for item in parameters]
    said = _told(nodes, names)
    words = choices(nodes, names)
    return tuple(
        replace(
            item,
            annotation=item.annotation or said.get(item.name, Told()).type or None,
            choices=words.get(item.name, ()),
            spec=said.get(item.name, Told()).spec if re.search("ensor|^$", item.annotation or "") else None,
        )
        for item in parameters
    )


def _told(nodes: Sequence[ast.AST], names: Sequence[str]) -> dict[str, Told]:
    """What the docstrings of the nodes say, and of a class that of its constructor."""
    every = [node for node in nodes if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))]
    every += [init for node in every if isinstance(node, ast.ClassDef) and (init := _method(node, "__init__"))]
    return merged(*(told(ast.get_docstring(node) or "", names) for node in every))


def _elements(function: Function, inputs: tuple[Parameter, ...], nodes: Sequence[ast.AST]) -> tuple[str | None, ...]:
    """``boxes, scores = inputs`` or ``boxes = inputs[0]``, and what docstrings say of them; lengths by their names."""
    if not inputs:
        return ()
    names: dict[int, str] = {}
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, ast.Name) and value.id == inputs[0].name:
            names.update({position: item.id for position, item in enumerate(target.elts) if isinstance(item, ast.Name)})
        elif isinstance(target, ast.Name) and isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name):
            if value.value.id == inputs[0].name and isinstance(value.slice, ast.Constant) and isinstance(value.slice.value, int):
                names.setdefault(value.slice.value, target.id)
    said = _told(nodes, list(names.values()))
    specs = {position: said[name].spec for position, name in names.items() if name in said and said[name].spec}
    if len(names) > 1:  # among several tensors one may be told by its name
        specs.update({position: _LENGTHS for position, name in names.items() if position not in specs and _LENGTH.match(name)})
    return tuple(specs.get(position) for position in range(max(specs, default=-1) + 1))


def class_chain(tree: ast.Module, node: ast.ClassDef, depth: int = 0) -> Iterator[ast.ClassDef]:
    """The class and its bases, as far as this module defines them."""
    yield node
    for base in node.bases:
        name = _last_name(base)
        for other in tree.body:
            if isinstance(other, ast.ClassDef) and other.name == name and other is not node and depth < 8:
                yield from class_chain(tree, other, depth + 1)


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _method(node: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    return next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == name), None)


def _parameters(function: Function) -> tuple[Parameter, ...]:
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    missing = len(plain) - len(arguments.defaults)
    texts: list[str | None] = [None] * missing + [ast.unparse(default) for default in arguments.defaults]
    texts += [None if default is None else ast.unparse(default) for default in arguments.kw_defaults]
    return tuple(
        Parameter(item.arg, text, ast.unparse(item.annotation) if item.annotation is not None else None)
        for item, text in zip([*plain, *arguments.kwonlyargs], texts, strict=True)
    )


def _optional(function: Function) -> tuple[str, ...]:
    return tuple(item.name for item in _parameters(function) if item.default is not None)


def _inputs(function: Function, of_keras: Collection[str] = _NOT_INPUTS) -> tuple[Parameter, ...]:
    """Parameters that a case gives: the required ones but those that Keras gives, and the first one in any case."""
    every = [item for item in _parameters(function) if item.name not in ("self", "cls")]
    found = [item for index, item in enumerate(every) if index == 0 or item.name not in of_keras]
    return tuple(item for index, item in enumerate(found) if item.default is None or index == 0)


def _list_length(function: Function, inputs: tuple[Parameter, ...]) -> int:
    """How many tensors the first input has, from ``a, b = inputs`` and ``inputs[1]``; 0 where nothing says so."""
    if not inputs:
        return 0
    name, count, constants, others = inputs[0].name, 0, set[int](), False
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id == name:
            target = node.targets[0]
            if isinstance(target, (ast.Tuple, ast.List)):
                count = max(count, len(target.elts))
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == name:
            first = node.slice.lower if isinstance(node.slice, ast.Slice) and node.slice.upper is None else node.slice
            if isinstance(first, ast.Constant) and isinstance(first.value, int) and first.value >= 0:
                constants.add(first.value)  # `inputs[2:]` are at least three
            else:
                others = True
    if constants and not others and (count or max(constants) > 0 or isinstance(function, ast.Lambda)):
        # `x[0]` alone is as likely the first row of one tensor.
        count = max(count, max(constants) + 1)
    return count


def _shape_list_length(build: ast.FunctionDef) -> int:
    """``input_shape[1][-1]`` in build: a list of shapes, at least two."""
    name = next((item.arg for item in build.args.args if item.arg != "self"), "")
    found = [int(index) for index in re.findall(rf"\b{re.escape(name)}\[(\d)\]\[", ast.unparse(build))] if name else []
    return max(found) + 1 if found else 0
