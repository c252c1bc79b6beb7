"""Layer code across the files of a project: bases, helpers, losses, re-exports. Files are texts by path."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest

from kmigrate.flavour import is_disputed, own_flavour
from kmigrate.layers.facts import file_facts
from kmigrate.layers.index import Index, index_of
from kmigrate.layers.nouns import FileFacts
from kmigrate.names import Names


def facts_of(text: str) -> FileFacts:
    names = Names(ast.parse(text))
    return replace(file_facts(names), flavour=own_flavour(text, names))


def index(files: dict[str, str]) -> Index:
    return index_of(files, lambda path: facts_of(files[path]))


def roots(files: dict[str, str], path: str) -> dict[str, str]:
    """Qualified name to reason for the roots of one file."""
    found = index(files)
    definitions = found.files[path].definitions
    return {definitions[n].qualname: context.reason for n, context in found.surroundings(path).roots.items()}


def test_a_base_class_in_another_file() -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/base.py": "from keras.layers import Layer\nclass Base(Layer):\n    pass\n",
        "pkg/middle.py": "from .base import Base\nclass Middle(Base):\n    pass\n",
        "pkg/top.py": "from pkg import middle\nclass Top(middle.Middle):\n    def call(self, x): pass\n",
    }
    assert roots(files, "pkg/top.py") == {
        "Top": "`Top` is a layer class: it derives from `Middle` and through it from `Base` and through it from `keras.layers.Layer`"
    }


def test_a_helper_in_another_file_says_who_calls_it_and_where() -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/ops.py": "def inner(x):\n    return x\ndef gelu(x):\n    return inner(x)\ndef other(x):\n    return x\n",
        "pkg/layer.py": "from keras.layers import Layer\nfrom .ops import gelu\nclass A(Layer):\n    def call(self, x):\n        return gelu(x)\n",
    }
    assert roots(files, "pkg/ops.py") == {
        "gelu": "`gelu` is called from `A.call` in pkg/layer.py",
        "inner": "`inner` is called from `gelu`",
    }


@pytest.mark.parametrize(
    ("line", "use"),
    [
        ("from . import ops", "ops.gelu(x)"),
        ("from .ops import gelu as g", "g(x)"),
        ("import pkg.ops", "pkg.ops.gelu(x)"),
        ("import pkg.ops as o", "o.gelu(x)"),
        ("from .ops import *", "gelu(x)"),
        ("from . import gelu", "gelu(x)"),
        ("from .ops import gelu", "K.map_fn(gelu, x)"),
        ("from .ops import gelu\nfrom functools import partial", "partial(gelu, approximate=True)(x)"),
        ("from .ops import gelu\ntable = [gelu]\nchosen = gelu", "chosen(x)"),
    ],
)
def test_every_way_to_reach_a_helper(line: str, use: str) -> None:
    files = {
        "pkg/__init__.py": "from .ops import gelu\n",
        "pkg/ops.py": "def gelu(x, approximate=False):\n    return x\n",
        "pkg/layer.py": f"from keras.layers import Layer\n{line}\nclass A(Layer):\n    def call(self, x):\n        return {use}\n",
    }
    assert "gelu" in roots(files, "pkg/ops.py")


def test_scripts_beside_each_other_import_without_a_package() -> None:
    files = {
        "losses.py": "def dice(a, b):\n    return a\n",
        "train.py": "from losses import dice\nmodel.compile('sgd', loss=dice)\n",
    }
    assert roots(files, "losses.py") == {"dice": "`dice` is handed to `compile` as `loss` in train.py"}


def test_a_mixin_of_a_layer_and_a_helper_class_are_layer_code() -> None:
    files = {
        "mixins.py": "class Mixin:\n    def norm(self, x): pass\nclass Unused:\n    pass\n",
        "tools.py": "class Scores:\n    def __call__(self, x): pass\n",
        "layer.py": (
            "from keras.layers import Layer\nfrom mixins import Mixin\nfrom tools import Scores\n"
            "class A(Mixin, Layer):\n    def build(self, s):\n        self.scores = Scores()\n"
        ),
    }
    assert roots(files, "mixins.py") == {"Mixin": "`Mixin` is a base of the layer class `A` in layer.py"}
    assert roots(files, "tools.py") == {"Scores": "`Scores` is called from `A.build` in layer.py"}


@pytest.mark.parametrize(
    ("module", "line", "symbol", "meaning"),
    [
        ("import tensorflow as tf\n", "from .compat import tf\ntf.nn.relu\n", ".compat.tf.nn.relu", "tf.nn.relu"),
        (
            "from tensorflow.python.ops import math_ops\n",
            "from . import compat\ncompat.math_ops\n",
            ".compat.math_ops",
            "tf.python.ops.math_ops",
        ),
        (
            "import theano.tensor\nTT = theano.tensor\n",
            "from .compat import TT as T\nT.dot\n",
            ".compat.TT.dot",
            "theano.tensor.dot",
        ),
        ("from tensorflow import keras\n", "from .compat import keras\nkeras.layers\n", ".compat.keras.layers", "keras.layers"),
    ],
)
def test_an_engine_through_a_module_of_the_project(module: str, line: str, symbol: str, meaning: str) -> None:
    files = {"pkg/__init__.py": "", "pkg/compat.py": module, "pkg/layer.py": line}
    assert index(files).surroundings("pkg/layer.py").imported[symbol] == meaning


def test_a_file_that_names_no_keras_takes_that_of_its_neighbours() -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/ops.py": "import tensorflow as tf\ndef f(x):\n    return tf.square(x)\n",
        "pkg/layer.py": "from tensorflow.keras.layers import Layer\nfrom .ops import f\nf(1)\n",
        "other.py": "from keras.layers import Layer\n",
    }
    found = index(files)
    assert found.surroundings("pkg/ops.py").flavour == "tf.keras"
    assert found.surroundings("other.py").flavour == "keras"


def test_layers_of_a_tensorflow_that_another_module_hands_out_are_of_the_keras_inside_it() -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/compat.py": "import tensorflow as tf\n",
        "pkg/layer.py": "from .compat import tf\nclass A(tf.keras.layers.Layer):\n    pass\n",
        "pkg/inner.py": "from tensorflow_core.python.keras.layers import Layer\n",
        "pkg/other.py": "from keras.layers import Layer  # not of tf.keras\n",
    }
    found = index(files)
    flavours = {name: found.surroundings(f"pkg/{name}.py").flavour for name in ("layer", "inner", "other")}
    assert flavours == {"layer": "tf.keras", "inner": "tf.keras", "other": "keras"}


@pytest.mark.parametrize(
    ("line", "flavour"),
    [
        ("from keras.src.saving import register_keras_serializable", "tf.keras"),
        ("import keras.config", "tf.keras"),
        ("from keras import utils", "tf.keras"),
        ("from keras import layers", "keras"),
        ("import keras", "keras"),
    ],
)
def test_what_stands_aside_says_nothing_of_a_files_layers(line: str, flavour: str) -> None:
    files = {"a.py": f"{line}\nfrom tensorflow.keras.layers import Layer\n", "b.py": f"{line}\n"}
    assert index(files).surroundings("a.py").flavour == flavour
    assert index(files).surroundings("b.py").flavour == "keras"


def test_circles_end() -> None:
    files = {
        "a.py": "from b import X\nfrom b import *\nclass Y(X):\n    pass\n",
        "b.py": "from a import Y\nfrom a import *\nclass X(Y):\n    pass\nZ = W\n",
    }
    assert roots(files, "a.py") == roots(files, "b.py") == {}


LAYER_OF_STARS = (
    "from keras.layers import Layer\nfrom . import *\nclass A(Layer):\n    def call(self, x):\n        return far(x)\n"
)


def test_star_imports_of_modules_that_are_missing_end() -> None:
    """A part of a package: each missing module would be looked for among what the others bring, by ever longer names."""
    stars = "".join(f"from .gone{number} import *\n" for number in range(9))
    files = {
        "pkg/__init__.py": f"{stars}from .ops import *\n",
        "pkg/ops.py": "def far(x): return x\n",
        "pkg/a.py": LAYER_OF_STARS,
    }
    assert "far" in roots(files, "pkg/ops.py")
    assert roots({**files, "pkg/ops.py": ""}, "pkg/a.py")


def test_star_imports_in_many_circles_end() -> None:
    count = 9
    stars = {n: "".join(f"from .m{other} import *\n" for other in range(count) if other != n) for n in range(count)}
    files = {f"pkg/m{n}.py": stars[n] for n in range(count)}
    files |= {"pkg/__init__.py": "from .m0 import *\n", "pkg/a.py": LAYER_OF_STARS}
    assert roots(files, "pkg/a.py")
    files["pkg/m8.py"] += "def far(x): return x\n"
    assert "far" in roots(files, "pkg/m8.py")


def test_star_imports_of_a_module_that_a_package_names() -> None:
    files = {
        "pkg/__init__.py": "from . import fast as chosen\n",
        "pkg/fast.py": "def far(x): return x\n",
        "pkg/a.py": LAYER_OF_STARS.replace("from . import *", "from .chosen import *"),
    }
    assert "far" in roots(files, "pkg/fast.py")


@pytest.mark.parametrize(
    "text", ["class A(B, metaclass=abc.ABCMeta): pass", "class A(*bases): pass", "lambda *a, **k: a(k)", "@d\ndef f(): f()"]
)
def test_odd_definitions_have_facts(text: str) -> None:
    assert len(facts_of(text).definitions) == 1


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        ("@wrapped\n    def call(self, x): return x", "decorates `A.call`"),
        ("def call(self, x): return {1: wrapped}[self.rank](x)", "is handed on in `A.call`"),
        ("def build(self, s): self.act = wrapped", "is handed on in `A.build`"),
        ("def call(self, x, act=wrapped): return act(x)", "is handed on in `A.call`"),
        ("def call(self, x): return Tools.f(x)", None),
        ("def call(self, x): return isinstance(x, Tools)", None),
    ],
)
def test_every_way_to_name_a_helper(use: str, reason: str | None) -> None:
    text = (
        "from keras.layers import Layer\ndef wrapped(f):\n    return f\nclass Tools:\n    def f(x): return x\n"
        f"class A(Layer):\n    {use}\n"
    )
    found = roots({"a.py": text}, "a.py")
    assert found.get("wrapped") == (f"`wrapped` {reason}" if reason else None)
    assert ("Tools.f" in found, "Tools" in found) == ("Tools.f" in use, False)


@pytest.mark.parametrize(
    "line",
    [
        "load_model('m', custom_objects={'f': f})",
        "keras.utils.get_custom_objects()['f'] = f",
        "custom_objects['f'] = f",
        "get_custom_objects().update({'f': f})",
        "with CustomObjectScope({'f': f}): pass",
    ],
)
def test_custom_objects_are_layer_code(line: str) -> None:
    assert set(roots({"a.py": f"import keras\ndef f(x): return x\n{line}\n"}, "a.py")) == {"f"}


def test_a_registered_callback_does_not_run_in_a_model() -> None:
    text = "import keras\n@keras.utils.register_keras_serializable()\nclass A({}): pass\n"
    assert roots({"a.py": text.format("keras.callbacks.Callback")}, "a.py") == {}
    assert set(roots({"a.py": text.format("object")}, "a.py")) == {"A"}


def test_the_keras_package_itself() -> None:
    files = {
        "x/keras/__init__.py": "",
        "x/keras/layers/__init__.py": "",
        "x/keras/layers/core.py": "from ..utils import shared\nclass Layer(object):\n    def f(self): return shared()\ndef tool(): pass\n",
        "x/keras/utils.py": "def shared(): pass\n",
        "x/keras/activations.py": "from .backend.one import exp\ndef relu(x): return exp(x)\n",
        "x/keras/backend/__init__.py": "",
        "x/keras/backend/one.py": "import tensorflow as tf\ndef exp(x): return tf.exp(x)\n",
    }
    assert set(roots(files, "x/keras/layers/core.py")) == {"Layer"}
    assert roots(files, "x/keras/backend/one.py") == {}  # what others are rewritten to uses the engine itself
    assert set(roots(files, "x/keras/utils.py")) == {"shared"}
    assert roots(files, "x/keras/activations.py") == {"relu": "`relu` is Keras's own activation, `keras.activations.relu`"}


def test_the_tests_beside_the_layers_of_keras_are_no_layers() -> None:
    files = {
        "x/keras/__init__.py": "",
        "x/keras/layers/__init__.py": "",
        "x/keras/layers/core_test.py": "from keras import testing\nfrom keras.layers import Layer\n"
        "class CoreTest(testing.TestCase):\n    def test_one(self):\n        class Mine(Layer): pass\nclass Helper(Layer): pass\n",
    }
    assert set(roots(files, "x/keras/layers/core_test.py")) == {"CoreTest.test_one.Mine", "Helper"}


_BRANCHES = "if x:\n    from tensorflow.keras.layers import Layer\nelse:\n    from keras.layers import Layer\n"


@pytest.mark.parametrize(
    ("text", "disputed"),
    [
        (_BRANCHES, True),
        ("import tensorflow as tf\n" + _BRANCHES + "class A(tf.keras.layers.Layer): pass\n", True),
        ("import keras\n" + _BRANCHES + "class A(Layer): pass\n", True),
        ("from keras import backend as K\nimport tensorflow as tf\nclass A(tf.keras.layers.Layer): pass\n", True),
        ("import keras\n" + _BRANCHES + "class A(keras.layers.Layer): pass\n", False),
        ("import keras\nfrom tensorflow.keras.layers import Dense\n", False),
        ("from tensorflow.keras.layers import Layer\nclass A(Layer): pass\n", False),
        ("try:\n    import keras\nexcept ImportError:\n    keras = None\n", False),
    ],
)
def test_a_file_of_two_kerases_is_disputed_where_its_classes_derive_from_the_other(text: str, disputed: bool) -> None:
    assert is_disputed(text, Names(ast.parse(text))) is disputed


@pytest.mark.parametrize("export", ["from .attend import attend", "from pkg.attend import attend", "from .attend import *"])
@pytest.mark.parametrize("line", ["from pkg import attend", "from . import attend", "from pkg.attend import attend"])
def test_a_function_that_its_package_exports_under_its_modules_name(export: str, line: str) -> None:
    files = {
        "pkg/__init__.py": f"{export}\n",
        "pkg/attend.py": "def inner(x):\n    return x\ndef attend(x):\n    return inner(x)\n",
        "pkg/layer.py": f"from keras.layers import Layer\n{line}\nclass A(Layer):\n    def call(self, x):\n        return attend(x)\n",
    }
    assert sorted(roots(files, "pkg/attend.py")) == ["attend", "inner"]


@pytest.mark.parametrize("init", ["", "from . import attend\n", "from pkg import attend\n"])
def test_a_module_that_its_package_does_not_hide_stays_the_module(init: str) -> None:
    files = {
        "pkg/__init__.py": init,
        "pkg/attend.py": "def attend(x):\n    return x\n",
        "pkg/layer.py": "from keras.layers import Layer\nfrom pkg import attend\nclass A(Layer):\n"
        "    def call(self, x):\n        return attend.attend(x)\n",
    }
    assert sorted(roots(files, "pkg/attend.py")) == ["attend"]


def test_bases_that_are_assigned_side_by_side() -> None:
    text = "from tensorflow import keras as k\nLayer, Wrapper = k.layers.Layer, k.layers.Wrapper\nclass A(Layer): pass\nclass B(Wrapper): pass\n"
    assert sorted(roots({"layers.py": text}, "layers.py")) == ["A", "B"]


HANDED = """
import six
from abc import ABCMeta
import keras.layers as L
from keras.models import Model

class A(six.with_metaclass(ABCMeta, L.Layer)):
    pass

def one(x): pass
def two(x): pass
def three(x): pass
def four(x): pass
def five(x): pass
def other(x): pass

def build(m, x, norms=None):
    losses = {"a": one}
    m.compile("sgd", loss=losses)
    for fn in (two, three):
        x = L.Lambda(fn)(x)
    if norms is None:
        norms = [four]
    outputs = [L.Lambda(norm)(x) for norm in norms]
    unused = [other]
    for name in unused:
        print(name)
    for x in x:
        L.Lambda(x)
    steps = [five] if x else None
    return L.Lambda(steps)
"""


def test_functions_that_are_handed_over_by_a_list_or_in_turn() -> None:
    assert sorted(roots({"build.py": HANDED}, "build.py")) == ["A", "four", "one", "three", "two"]


def test_a_module_that_has_the_name_of_its_package_does_not_hide_the_package() -> None:
    files = {
        "bert/__init__.py": "",
        "bert/bert.py": "LAYERS = 12\n",
        "bert/base.py": "from keras.layers import Layer\nclass Base(Layer):\n    pass\n",
        "bert/attend.py": "from bert.base import Base\nclass Attend(Base):\n    def call(self, x): pass\n",
    }
    assert set(roots(files, "bert/attend.py")) == {"Attend"}
    files = {
        "bert/__init__.py": "",
        "bert/graph/__init__.py": "from .base import Base\n",
        "bert/graph/base.py": "from keras.layers import Layer\nclass Base(Layer):\n    pass\n",
        "bert/graph/bert.py": "from bert.graph import Base\nclass Attend(Base):\n    def call(self, x): pass\n",
    }
    assert set(roots(files, "bert/graph/bert.py")) == {"Attend"}
    # A folder of scripts is no package: there the script is meant.
    files = {
        "bert/bert.py": "from keras.layers import Layer\nclass Base(Layer):\n    pass\n",
        "bert/attend.py": "from bert import Base\nclass Attend(Base):\n    def call(self, x): pass\n",
    }
    assert set(roots(files, "bert/attend.py")) == {"Attend"}


@pytest.mark.parametrize("call", ["cls._made", "self._made"])
@pytest.mark.parametrize("base", ["", "class Middle(Piece):\n    pass\n"])
def test_a_method_that_a_helper_class_inherits(call: str, base: str) -> None:
    first = call.partition(".")[0]
    above = "Middle" if base else "Piece"
    piece = (
        "class Piece:\n    def _made(self, x): return self.inner(x)\n    def inner(self, x): pass\n    def other(self): pass\n"
    )
    use = f"    def of({first}, x): return {call}(x)\n    def unused(self): self.other()\n"
    layer = "from keras.layers import Layer\n{}class A(Layer):\n    def call(self, x): return Edge.of(x)\n"
    # All in one file, then the base in another one.
    text = f"{piece}{base}class Edge({above}):\n{use}"
    assert set(roots({"layer.py": layer.format(text)}, "layer.py")) == {"A", "Edge.of", "Piece._made", "Piece.inner"}
    files = {
        "pieces.py": piece + base,
        "layer.py": layer.format(f"from pieces import {above}\nclass Edge({above}):\n{use}"),
    }
    assert set(roots(files, "layer.py")) == {"A", "Edge.of"}
    assert set(roots(files, "pieces.py")) == {"Piece._made", "Piece.inner"}


def test_both_branches_of_a_helper_in_another_file() -> None:
    files = {
        "ops.py": "import keras\nif keras.__version__ < '2':\n    def pool(x): return 1\nelse:\n    def pool(x): return 2\n",
        "layer.py": "from keras.layers import Layer\nfrom ops import pool\nclass A(Layer):\n    def call(self, x):\n        return pool(x)\n",
    }
    surroundings = index(files).surroundings("ops.py")
    assert len(surroundings.roots) == 2


KERAS_BY_CALL = "def _installed():\n    import tf_keras\n    return tf_keras\nkeras = _installed()\n"


@pytest.mark.parametrize(
    ("module", "line", "base"),
    [
        (KERAS_BY_CALL, "from compat import keras", "keras.layers.Wrapper"),
        (KERAS_BY_CALL, "import compat", "compat.keras.Model"),
        ("", "from elsewhere.compat import keras", "keras.Model"),
        ("", "from elsewhere.compat import tf_keras as tfk", "tfk.losses.Loss"),
        ("import tensorflow as tf", "from compat import tf", "tf.keras.layers.Layer"),
        ("import tensorflow as tf", "from compat import tf\nL = tf.keras.layers", "L.Layer"),
        ("import tensorflow.compat.v1 as tf", "import compat", "compat.tf.keras.Model"),
        ("", "import tensorflow_probability as tfp", "tfp.layers.DistributionLambda"),
        ("", "import tensorflow_addons as tfa", "tfa.metrics.FBetaScore"),
        ("", KERAS_BY_CALL, "keras.layers.Wrapper"),
        ("", "from keras import layers", "getattr(layers, 'Layer')"),
    ],
)
def test_a_keras_that_another_module_hands_out(module: str, line: str, base: str) -> None:
    files = {"compat.py": module, "layer.py": f"{line}\nclass A({base}):\n    def call(self, x): pass\n"}
    assert set(roots(files, "layer.py")) >= {"A"}


@pytest.mark.parametrize("base", ["compat.keras.callbacks.Callback", "compat.torch.Model", "compat.KERAS.Model"])
def test_what_another_module_hands_out_beside_is_no_keras(base: str) -> None:
    assert roots({"layer.py": f"from elsewhere import compat\nclass A({base}):\n    pass\n"}, "layer.py") == {}


@pytest.mark.parametrize(
    ("parameter", "call", "found"),
    [
        ("base", "Scaled = make(layers.Dense)", True),
        ("base", "Scaled = make(base=layers.Dense)", True),
        ("base", "Scaled = make(list)", False),
        ("base", "", False),
        ("base=layers.Dense", "", True),
        ("*, base=layers.Dense", "", True),
        ("BaseLayer", "", True),
        ("optimizer_class", "", True),
        ("base_class", "", False),
    ],
)
def test_a_factory_of_classes(parameter: str, call: str, found: bool) -> None:
    name = parameter.removeprefix("*, ").partition("=")[0]
    text = f"from keras import layers\ndef make({parameter}):\n    class A({name}):\n        def call(self, x): pass\n    return A\n{call}\n"
    assert set(roots({"layer.py": text}, "layer.py")) == ({"make.A"} if found else set())


def test_a_function_that_a_helper_hands_to_keras() -> None:
    text = (
        "from keras.layers import Dense, Lambda\n"
        "def apply(f, x):\n    return Lambda(f)(x)\n"
        "def dense(x, activation=None):\n    return Dense(3, activation=activation)(x)\n"
        "def double(x): return x * 2\n"
        "def bent(x): return x\n"
        "def other(x): return x\n"
        "def model(x):\n    return other(dense(apply(double, x), activation=bent))\n"
    )
    assert roots({"m.py": text}, "m.py") == {
        "double": "`double` is handed to `Lambda`",
        "bent": "`bent` is handed to `Dense` as `activation`",
    }


def test_a_method_that_a_class_is_given_from_outside() -> None:
    text = (
        "from keras.layers import Layer\n"
        "class A(Layer):\n    pass\n"
        "class B:\n    pass\n"
        "def attend(self, x): return x\n"
        "def other(self, x): return x\n"
        "A.call = attend\nB.call = other\n"
    )
    assert roots({"m.py": text}, "m.py") == {
        "A": "`A` is a layer class: it derives from `keras.layers.Layer`",
        "attend": "`attend` is given as `call` to `A`",
    }


@pytest.mark.parametrize("line", ["from pkg import backend as KC", "from pkg.backend import pool as pool"])
def test_a_backend_that_is_chosen_by_star_imports(line: str) -> None:
    use = "KC.pool(x)" if "KC" in line else "pool(x)"
    files = {
        "pkg/__init__.py": "",
        "pkg/backend/__init__.py": "import keras\nif keras.backend.backend() == 'theano':\n    from .one import *\nelse:\n    from .two import *\n",
        "pkg/backend/one.py": "import theano\ndef pool(x): return 1\n",
        "pkg/backend/two.py": "import tensorflow\ndef pool(x): return 2\ndef other(x): return 3\n",
        "pkg/layer.py": f"from keras.layers import Layer\n{line}\nclass A(Layer):\n    def call(self, x):\n        return {use}\n",
    }
    assert set(roots(files, "pkg/backend/one.py")) == set(roots(files, "pkg/backend/two.py")) == {"pool"}


def test_a_module_that_brings_all_of_a_part_of_keras() -> None:
    shim = "if old():\n    from keras.losses import *\nelse:\n    from tensorflow.keras.losses import *\n"
    layer = "from .keras.losses import Loss, Other\nclass A(Loss):\n    def call(self, y, z): pass\n"
    files = {"pkg/__init__.py": "", "pkg/keras/__init__.py": "", "pkg/keras/losses.py": shim, "pkg/layer.py": layer}
    assert roots(files, "pkg/layer.py") == {"A": "`A` is a loss class: it derives from `keras.losses.Loss`"}


@pytest.mark.parametrize(
    "order", [("from keras import ops", "import tensorflow as ops"), ("import tensorflow as ops", "from keras import ops")]
)
def test_what_may_be_keras_or_an_engine_in_another_module_is_keras(order: tuple[str, str]) -> None:
    files = {
        "compat.py": "try:\n    {}\nexcept ImportError:\n    {}\n".format(*order),
        "layer.py": "from compat import ops\ny = ops.exp(1)\n",
    }
    assert index(files).surroundings("layer.py").imported == {"compat.ops.exp": "keras.ops.exp"}
