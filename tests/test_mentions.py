"""An engine's import stays where text of the module still reads its name: it is code for somebody."""

from __future__ import annotations

import pytest
from conftest import analysed, fixed

from kmigrate.rulebook.book import Rulebook, load_rulebook

HEAD = "import tensorflow as tf\nfrom keras import backend as K\n"
CODE = "def f(x):\n    {}\n    return tf.exp(x)\n"


@pytest.mark.parametrize(
    "line",
    [
        "y: 'tf.Tensor' = x",
        "y: list['tf.Tensor'] = x",
        "y = cast('tf.Tensor', x)",
        "y = x  # type: tf.Tensor",
        "# type: (tf.Tensor) -> tf.Tensor",
        "'''Doc.\n\n    >>> tf.exp(1.)\n    '''",
        "'''Doc.\n\n    >>> f(\n    ...     tf.ones(3))\n    '''",
        "y = eval('tf.nn.' + x)",
        "y = eval(f'tf.nn.{x}')",
        "y = globals()['tf']",
        "y = getattr(sys.modules[__name__], 'tf')",
        "y = sys.modules[__name__].tf.exp",
        "y = 'tf' in dir()",
        "exec('''\ny = tf.exp(x)\nz = y\n''')",
    ],
)
def test_text_that_is_code_keeps_the_import(line: str, book: Rulebook) -> None:
    after = fixed(HEAD + CODE.format(line), book)
    assert "return K.exp(x)" in after
    assert after.startswith(HEAD)


@pytest.mark.parametrize(
    "line",
    [
        "'''Takes a tf.Tensor: tf.exp(x) is what it gives.'''",
        "assert K.image_dim_ordering() == 'tf'",
        "y = x  # type: ignore[tf]",
        "y = x  # tf.Tensor",
        "raise ValueError('tf.Tensor expected')",
        "y = K.eval(x), 'tf.Tensor expected'",
    ],
)
def test_other_text_does_not(line: str, book: Rulebook) -> None:
    after = fixed(HEAD + CODE.format(line), book)
    assert "return K.exp(x)" in after
    assert "import tensorflow" not in after


@pytest.mark.parametrize(
    ("line", "assumed"),
    [
        ("g.get_tensor_by_name('probs:0')", True),
        ("g.get_tensor_by_name('model/probs:0')", True),
        ("outputs = ['probs:0']", True),
        ("g.get_operation_by_name('probs')", True),
        ("freeze(s, output_node_names=['model/probs'])", True),
        ("tf.import_graph_def(d, return_elements=['probs'])", True),
        ("g.get_tensor_by_name('other:0')", False),
        ("g.get_tensor_by_name('my_probs:0')", False),
        ("d = {'probs': 1}", False),
        ("pass", False),
    ],
)
def test_a_name_by_which_a_tensor_is_looked_up(line: str, assumed: bool, book: Rulebook) -> None:
    text = HEAD + CODE.format("a = tf.exp(x, name='probs')") + f"def load(g, s, d):\n    {line}\n"
    fix = next(finding.fix for finding in analysed(text, book).findings if finding.line == 4)
    assert fix is not None and fix.replacement == "K.exp(x)"
    assert fix.assumption == ("nothing looks it up by its name 'probs'" if assumed else None)


def test_a_name_that_the_replacement_keeps() -> None:
    text = HEAD + CODE.format("a = tf.identity(x, name='out')") + "def load(g):\n    return g.get_tensor_by_name('out:0')\n"
    (fix,) = (finding.fix for finding in analysed(text, load_rulebook()).findings if finding.line == 4)
    assert fix is not None and (fix.replacement, fix.applicability) == ("K.identity(x, name='out')", "safe")
