from __future__ import annotations

from collections.abc import Iterator

import pytest

from kmigrate.verify import stacks
from kmigrate.verify.runner import Engines, Limits


@pytest.fixture(scope="session")
def engines() -> Iterator[Engines]:
    """TensorFlow and Theano of the default stack; the first use on a machine installs it."""
    stack = stacks.get_stack(stacks.DEFAULT_STACKS["keras2"])
    with Engines(stacks.ensure(stack), stack.engines, Limits(case_s=20.0)) as found:
        yield found
