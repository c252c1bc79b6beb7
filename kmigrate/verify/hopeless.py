"""Failures that no other case can cure, and what a person can do about them.

Where every case that came furthest fails of one of them the search ends at once: the code asks for what this environment does not
have. A row is a pattern over ``Type: message`` and the advice; the first that matches counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from kmigrate.verify import overlays
from kmigrate.verify.failure import said

_TENSORFLOW_1 = "the code is written for TensorFlow 1: try --stack keras2-tf1"
_TENSORFLOW_2 = "the code is written for TensorFlow 2: try --stack keras2-tf2"
_NEWER = "the code is written for a later version of the library than any stack has (kmigrate engines list)"
_GRAPH = "the code runs in a graph only, which TensorFlow 2 has given up: try --stack keras2-tf1"
_REFUSED = re.compile(r"(?:Keyword argument not understood:|Unexpected keyword argument passed to \w+:)\W+(?P<name>\w+)")
_ANOTHER = "the code is written for another version of the engine: try another --stack (kmigrate engines list)"
_INSTALL = "the stack lacks a package that the code needs"
_NAME = "the code names something that it does not define"
_ABSTRACT = "a base class of which no class in its file can be made: what derives from it elsewhere is verified by itself"
_OLD_MODEL = "the class is written for a Keras before 2.2.1, where a Model could be used before its own __init__ had run"
_BEFORE_1 = (
    "a scalar stands where this version wants the tensors: TensorFlow before 1.0 took them in another order, and no stack has it"
)
_FUNCTION = "where the returned function is a unit, verify gives a verdict for that one"
_OWN_INPUT = "the unit makes a placeholder of its own and returns it: there is no value to compare"

_ROWS: tuple[tuple[str, str], ...] = (
    (r"is not installed in the stack|\bNo module named '", _INSTALL),
    (r"unsupported operand type\(s\) for .*'Dimension'|__int__ returned non-int \(type NoneType\)", _TENSORFLOW_2),
    (r"module 'tensorflow[\w.]*\._?v1[\w.]*' has no attribute '\w+'", _TENSORFLOW_2),
    (
        r"module 'tensorflow' has no attribute '(?:contrib|placeholder|Session|get_variable|variable_scope|log|div|to_\w+)'",
        _TENSORFLOW_1,
    ),
    (r"'(?:int|NoneType)' object has no attribute 'value'", _TENSORFLOW_1),
    (r"type object '\w+V1' has no attribute '\w+'", _TENSORFLOW_2),
    (r"module '(?:tensorflow|theano)[\w.]*' has no attribute '\w+'", _ANOTHER),
    (r"when eager execution is enabled|(?:not compatible with|not supported (?:in|with|when)) eager execution", _GRAPH),
    (r"^ValueError: Shape \([\d, ?]+\) must have rank 0$", _BEFORE_1),
    (r"^NameError: (?:global )?name '\w+' is not defined", _NAME),
    (r"Can't instantiate abstract class|^NotImplementedError: NotImplementedError\(", _ABSTRACT),
    (r"^NotImplementedError: .*(?:should|must|to be) (?:be )?(?:implement|overrid)", _ABSTRACT),
    (r"subclassing `Model` and you forgot to call `super", _OLD_MODEL),
    (r"^TypeError: it returns a function, and no value", _FUNCTION),
    (r"MissingInputError: Undeclared input|You must feed a value for placeholder tensor", _OWN_INPUT),
)


def advice(error: Mapping[str, Any]) -> str | None:
    """What a person can do about a failure that no other case cures; None for every other failure. Its ``of`` is the library
    that lacks an argument which the code gives."""
    message = said(error)
    if error.get("of"):
        return _NEWER
    found = next((text for pattern, text in _ROWS if re.search(pattern, message)), None)
    return (overlays.advice(message) or _INSTALL) if found == _INSTALL else found


def refused_by_keras(error: Mapping[str, Any], given: Collection[str]) -> bool:
    """Whether a class of Keras does not take an argument that the code gives to it; ``given`` are those of the case, which the
    code may hand on."""
    refused = _REFUSED.search(str(error.get("message")))
    return refused is not None and refused["name"] not in given
