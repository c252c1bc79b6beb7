from __future__ import annotations

from pathlib import Path

import pytest

from kmigrate.verify.anatomy import Parameter, read_unit
from kmigrate.verify.constructors import constructors, values_for
from kmigrate.verify.literals import UNKNOWN
from kmigrate.verify.projectfiles import ProjectFiles, project_root
from kmigrate.verify.search import candidates
from kmigrate.verify.usages import TensorHint, Usage, usages_in_module, usages_in_prose

PROGRAM = '''
"""A module.

>>> Capsule(7, routings=2)
"""
UNITS = 4
def build(width=3, unknown):
    x = Input(shape=(10, 5), dtype="int32")
    rate = unknown
    y = Capsule(UNITS * 2, width, rate=rate, activation=Dense(UNITS), mode=unknown)(x)
    return Capsule(1)([Input((4,)), Input((None, 2))])
def check():
    data = np.random.rand(8, 12, 6)
    layer = Capsule(units=(1, -2))
class Other(Capsule):
    def __init__(self):
        Capsule.__init__(self, 9)
'''.replace("width=3, unknown", "unknown, width=3")


def test_arguments_are_literals_known_names_or_expressions() -> None:
    first = next(u for u in usages_in_module(PROGRAM, "Capsule") if len(u.positional) == 2)
    assert first.positional == (8, 3)
    assert first.keywords == {"rate": UNKNOWN, "activation": "expr(Dense(4))", "mode": UNKNOWN}


def test_shapes_come_from_what_the_layer_is_called_with_or_from_the_same_function() -> None:
    by_argument = {u.positional: u for u in usages_in_module(PROGRAM, "Capsule")}
    assert by_argument[(8, 3)].direct == (TensorHint((10, 5), integers=True),)
    assert by_argument[(1,)].direct == (TensorHint((4,)), TensorHint((None, 2)))
    in_check = next(u for u in usages_in_module(PROGRAM, "Capsule") if "units" in u.keywords)
    assert in_check.keywords == {"units": (1, -2)}
    assert in_check.near == (TensorHint((12, 6)),)


TESTS = """
import pytest
@pytest.mark.parametrize("width", (1, 5))
@pytest.mark.parametrize("mode, size", [("a", 2), ("b", (3, 4))])
def test_it(width, mode, size, other):
    for count in (1, 3):
        Capsule(count, mode, size=size, other=other)([Input((width * count,)), Input((count,))])
    for one, two in [(1, 2), (3, 4)]:
        Capsule(one, two)
    for wrong in things():
        Capsule(wrong)
"""


def test_tests_with_parameters_and_loops_are_worth_their_last_round() -> None:
    first, second, third = sorted(usages_in_module(TESTS, "Capsule"), key=lambda usage: int(usage.where.lstrip(":")))
    assert (first.positional, first.keywords) == ((3, "b"), {"size": (3, 4), "other": UNKNOWN})
    assert first.direct == (TensorHint((15,)), TensorHint((3,)))
    assert second.positional == (3, 4)
    assert third.positional == (UNKNOWN,)


def test_docstrings_count_and_calls_of_a_base_do_not() -> None:
    found = usages_in_module(PROGRAM, "Capsule")
    assert Usage((7,), {"routings": 2}, where=":2") in found
    assert all(9 not in u.positional for u in found)


def test_prose_is_read_without_a_parser() -> None:
    text = "Use `Capsule(3, dims=[1,\n 2])` or Capsule(broken( after Input(shape=(5,)).\nNot MyCapsule(1)."
    assert [(u.positional, u.keywords, u.near) for u in usages_in_prose(text, "Capsule")] == [
        ((3,), {"dims": [1, 2]}, (TensorHint((5,)),))
    ]


def test_text_that_does_not_parse_has_no_usages() -> None:
    assert usages_in_module("def broken(:\n Capsule(1)", "Capsule") == []


@pytest.fixture
def project(tmp_path: Path) -> ProjectFiles:
    (tmp_path / "setup.py").write_text("")
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "config.py").write_text(
        "class CocoConfig:\n    STD = 1\nclass Config:\n    def __init__(self):\n        self.DEV = 2\n"
    )
    (package / "layers.py").write_text("class Head:\n    def __init__(self, config, depth=2): pass\n")
    (tmp_path / "test_head.py").write_text("Head(make(), depth=5)\n")
    return ProjectFiles(project_root(package / "layers.py"))


def test_a_project_is_found_by_its_marks_and_knows_its_configuration_classes(project: ProjectFiles) -> None:
    assert (project.root / "setup.py").exists()
    assert project.classes(r"\w*Config") == [("pkg.config", "Config"), ("pkg.config", "CocoConfig")]
    assert project.classes_with("DEV") == [("pkg.config", "Config")]
    assert [u.keywords for u in project.usages("Head")] == [{"depth": 5}]


def test_constructor_arguments_of_existing_calls_come_first(project: ProjectFiles) -> None:
    parameters = (Parameter("config"), Parameter("depth", "2"))
    made = "expr(importlib.import_module('pkg.config').Config())"
    assert constructors(parameters, project.usages("Head"), project)[0][0] == {"depth": 5, "config": "expr(make())"}
    assert constructors(parameters, [], project)[0][0] == {"config": made}


def test_types_go_before_names() -> None:
    assert values_for(Parameter("size", annotation="float"))[0] == 0.5
    assert values_for(Parameter("thing", annotation="Tuple[int, int]"))[0] == (2, 2)
    assert values_for(Parameter("thing", annotation="Callable"))[0] == "expr(lambda x: x)"


def test_functions_take_the_literals_of_their_calls() -> None:
    shape = read_unit("def scale(x, by): return x * by\n", "scale")
    assert shape is not None
    first = candidates(shape, "helper", [Usage((UNKNOWN, 7))])[0]
    assert dict(first.inputs)["by"] == "literal(7)"
    assert dict(first.inputs)["x"].startswith("float[")
