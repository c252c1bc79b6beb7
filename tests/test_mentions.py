"""An engine's import stays where text of the module still reads its name: it is code for somebody."""

from __future__ import annotations

import pytest
from conftest import fixed

from kmigrate.rulebook.book import Rulebook

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
