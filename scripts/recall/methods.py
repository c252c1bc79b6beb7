"""The independent listing of tensor methods in layer code: ``x.get_shape()``, ``w.assign(v)``, ``x.shape[1].value``, ``y.sum()``.

Two rules. A name that hardly anything but a tensor has counts on every receiver that is no module, class, layer or array. A name
that arrays have too counts where the receiver is a tensor by ``Tensors``, which knows what Keras hands over, the results of a
few dozen functions, arithmetic, and names that are bound to nothing else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from recall.listing import Listing, Use, engine_name, keras_name
from recall.modules import FUNCTIONS, Module, Outside, lines_of, position

OF_TENSORS = frozenset(
    "get_shape set_shape dimshuffle eval numpy get_value set_value assign assign_add assign_sub read_value "
    "initialized_value".split()
)
OF_SHAPES = frozenset("ndims rank num_elements is_fully_defined assert_has_rank with_rank merge_with".split())
OF_ARRAYS_TOO = frozenset(
    "T sum mean max min std var prod argmax argmin reshape astype flatten repeat transpose clip dot nonzero".split()
)
# Functions of K and of the engines whose result is one tensor (or a variable), under any module.
_MAKE_TENSORS = frozenset(
    "abs abs_ add addbroadcast set_subtensor inc_subtensor shape_padright argmax argmin batch_dot batch_flatten bias_add "
    "binary_crossentropy cast categorical_crossentropy clip clip_by_value concat concatenate constant conv2d cos cumsum "
    "dimshuffle divide dot einsum equal exp expand_dims eye eq floor gather greater hard_sigmoid l2_normalize less log "
    "log_softmax matmul max maximum mean min minimum mul multiply neq not_equal ones ones_like pad permute_dimensions "
    "pow prod reciprocal reduce_max reduce_mean reduce_min reduce_prod reduce_sum relu repeat reshape round rsqrt "
    "sigmoid sign sin softmax softplus sqr sqrt square squeeze stack sub subtract sum switch tanh tensordot tile "
    "transpose variable Variable where zeros zeros_like as_tensor_variable".split()
)
_METHODS_THAT_MAKE_TENSORS = OF_ARRAYS_TOO | {"dimshuffle"}


class Methods:
    """The uses of tensor methods in the layer code of a listing."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.project = listing.project
        self.tensors = Tensors(listing)

    def uses(self) -> Iterator[Use]:
        """``symbol`` is the bare name of the method; the place is where the whole expression begins."""
        for module in self.project.modules.values():
            lines = lines_of(module)
            path = module.path.relative_to(self.project.root).as_posix()
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and self._counts(node):
                    where = self.listing.place(node)
                    if where is not None:
                        yield Use(path, *position(node, lines), node.attr, *where)

    def _counts(self, node: ast.Attribute) -> bool:
        name, receiver = node.attr, node.value
        if name == "value":
            parts = [receiver]
            while isinstance(parts[-1], ast.BinOp):  # dimensions that were calculated with
                parts.append(parts[-1].left)
            return isinstance(parts[-1], ast.Subscript) and self._is_shape(parts[-1].value)
        if name in OF_SHAPES:
            return self._is_shape(receiver)
        if name == "as_list":
            return not self._is_other(receiver)
        if name == "get_shape":
            return not self._is_other(receiver) and not self._is_part(node.up)
        if name in ("numpy", "set_value") and any(item.name in ("torch", "paddle") for item in _imports(node.home)):
            return False
        if name in ("assign", "numpy") and not _engines(node.home) & {"tensorflow", "theano"} and _has_ops(node.home):
            return self.tensors.holds(receiver)  # Keras 3's own variables have them, under any name
        if name == "set_shape" and isinstance(node.up, ast.Call) and len(node.up.args) != 1:
            return False
        if name in OF_TENSORS:
            return isinstance(node.up, ast.Call) and node.up.func is node and not self._is_other(receiver)
        if name == "shape":  # in Keras it is idiomatic on TensorFlow
            return "theano" in _engines(node.home) and "tensorflow" not in _engines(node.home) and self.tensors.holds(receiver)
        return name in OF_ARRAYS_TOO and self.tensors.holds(receiver)

    def _is_part(self, call: ast.AST) -> bool:
        """Whether ``x.get_shape()`` belongs to a longer use: ``x.get_shape().as_list()``, ``x.get_shape()[0].value``."""
        above = call.up
        if isinstance(above, ast.Subscript) and above.value is call:
            return isinstance(above.up, ast.Attribute) and above.up.attr == "value"
        return isinstance(above, ast.Attribute) and above.attr in OF_SHAPES | {"as_list"}

    def _is_shape(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Call):
            if any(isinstance(m, Outside) and m.dotted.endswith(".TensorShape") for m in self.project.meanings(node.func)):
                return True
            return isinstance(node.func, ast.Attribute) and node.func.attr == "get_shape" and not self._is_other(node.func.value)
        if isinstance(node, ast.Attribute):
            return node.attr == "shape" and not self._is_other(node.value)
        if _is_build_shape(node):
            return True
        values = [value for value, _ in values_of(node) if not isinstance(value, ast.arg)]
        return any(isinstance(v, (ast.Call, ast.Attribute)) and self._is_shape(v) for v in values)

    def _is_other(self, node: ast.AST) -> bool:
        """Whether a receiver is surely no tensor: a module or class, the object itself, an array, a configuration."""
        if isinstance(node, ast.Name) and (node.id in ("self", "cls") or self.project.meanings(node)):
            return True
        if isinstance(node, ast.Attribute) and self.project.meanings(node):
            return True
        if isinstance(node, ast.Call):
            made = [m.dotted for m in self.project.meanings(node.func) if isinstance(m, Outside)]
            return any(name.startswith("numpy.") for name in made) or getattr(node.func, "id", "") == "super"
        return False


class Tensors:
    """Which expressions are tensors, by a few plain rules; everything else is not."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.project = listing.project
        self._busy: set[int] = set()

    def holds(self, node: ast.AST | None) -> bool:
        if node is None or len(self._busy) > 200:
            return False
        if id(node) in self._busy:
            return True  # x = x.T: the other values of x decide
        self._busy.add(id(node))
        try:
            return self._holds(node)
        finally:
            self._busy.discard(id(node))

    def _holds(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.BinOp):
            return self.holds(node.left) or self.holds(node.right)
        if isinstance(node, ast.UnaryOp):
            return not isinstance(node.op, ast.Not) and self.holds(node.operand)
        if isinstance(node, ast.Subscript):
            return self.holds(node.value)
        if isinstance(node, ast.IfExp):
            return self.holds(node.body) and self.holds(node.orelse)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Attribute):
            return (node.attr == "T" and self.holds(node.value)) or self._attribute(node)
        return False

    def _call(self, node: ast.Call) -> bool:
        for meaning in self.project.meanings(node.func):
            if isinstance(meaning, Outside):
                ours = engine_name(meaning.dotted) or (keras_name(meaning.dotted) or "").startswith("keras.backend.")
                if ours and meaning.dotted.rpartition(".")[2] in _MAKE_TENSORS:
                    return True
        if not isinstance(node.func, ast.Attribute):
            return False
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "self":
            return node.func.attr in ("add_weight", "get_input", "get_output")  # the last two are those of Keras 0
        return node.func.attr in _METHODS_THAT_MAKE_TENSORS and self.holds(node.func.value)

    def _name(self, node: ast.Name) -> bool:
        values = [(what, kind) for what, kind in values_of(node) if not isinstance(getattr(what, "up", None), ast.AugAssign)]
        return bool(values) and all(
            self.holds(what) if kind == "value" else kind == "other" and self._handed(what) for what, kind in values
        )

    def _handed(self, argument: object) -> bool:
        """Whether Keras hands a tensor over in this parameter: of ``call``, a loss, a function of ``Lambda``."""
        if not isinstance(argument, ast.arg):
            return False
        function = argument.up.up
        if not isinstance(function, FUNCTIONS):
            return False
        names = [a.arg for a in [*function.args.posonlyargs, *function.args.args]]
        method = names[:1] in (["self"], ["cls"])
        names = names[1:] if method else names
        why = self.listing.marked.get(function, "")
        if why.startswith(("handed to Lambda", "handed to activation", "handed to Activation")):
            return names[:1] == [argument.arg]
        if names[:2] == ["y_true", "y_pred"]:  # a file without Keras and engines measures arrays
            return argument.arg in names[:2] and bool(_engines(function.home) & {"keras", "tensorflow", "theano"})
        inside = isinstance(function.up, ast.ClassDef) and self.listing.is_layer_class(function.up)
        return method and inside and getattr(function, "name", "") == "call" and names[:1] == [argument.arg]

    def _attribute(self, node: ast.Attribute) -> bool:
        """``self.kernel`` where every value that the class gives it is a tensor."""
        if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            return False
        around: ast.AST | None = node
        while around is not None and not isinstance(around, ast.ClassDef):
            around = around.up
        if around is None:
            return False
        values = [
            n.value
            for n in ast.walk(around)
            if isinstance(n, ast.Assign)
            for t in n.targets
            if isinstance(t, ast.Attribute) and t.attr == node.attr and isinstance(t.value, ast.Name) and t.value.id == "self"
        ]
        values = [v for v in values if not (isinstance(v, ast.Constant) and v.value is None)]
        return bool(values) and all(map(self.holds, values))


def values_of(node: ast.AST) -> list[tuple[ast.AST | None, str]]:
    """What a plain name is bound to: values (``value``), parameters and the rest (``other``)."""
    frame = node.frame.find(node.id) if isinstance(node, ast.Name) else None
    return [] if frame is None else [(what, kind) for kind, what in frame.bound[node.id]]


def _is_build_shape(node: ast.AST) -> bool:
    """The shape that Keras hands to ``build``: inside TensorFlow's Keras an object, and a tuple elsewhere."""
    arguments = [what for what, _ in values_of(node) if isinstance(what, ast.arg)]
    return (
        len(arguments) == 1
        and arguments[0].arg == "input_shape"
        and getattr(arguments[0].up.up, "name", "") in ("build", "compute_output_shape")
    )


def _imports(module: Module) -> list[ast.alias]:
    return [item for node in ast.walk(module.tree) if isinstance(node, ast.Import) for item in node.names]


def _has_ops(module: Module) -> bool:
    """Whether a file is written for Keras 3: it names ``keras.ops``."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr == "ops" and getattr(node.value, "id", "") == "keras")
        or (isinstance(node, ast.ImportFrom) and node.module == "keras" and any(item.name == "ops" for item in node.names))
        for node in ast.walk(module.tree)
    )


def _engines(module: Module) -> set[str]:
    """The engines that a file imports."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found.update(item.name.split(".")[0] for item in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update([] if node.level else [(node.module or "").split(".")[0]])
            found.update("tensorflow" for item in node.names if item.name == "tf")  # of another module
    return found
