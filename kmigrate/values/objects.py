"""Objects of an engine that are no tensors and have methods: random streams, sessions."""

from __future__ import annotations

from kmigrate.tensor_methods import SESSION, STREAM
from kmigrate.values.domain import OBJECT, UNKNOWN, Value

_STREAMS = "theano.tensor.shared_randomstreams.RandomStreams"
_MRG = "theano.sandbox.rng_mrg.MRG_RandomStreams"
_SESSION = "tf.Session"
# What makes an object -> its class.
_MADE_BY = {
    _MRG: _MRG,
    _STREAMS: _STREAMS,
    "theano.tensor.randomstreams.RandomStreams": _STREAMS,
    "tf.Session": _SESSION,
    "tf.InteractiveSession": _SESSION,
    "tf.compat.v1.Session": _SESSION,
    "tf.compat.v1.InteractiveSession": _SESSION,
    "tf.get_default_session": _SESSION,
    "tf.compat.v1.get_default_session": _SESSION,
    "keras.backend.get_session": _SESSION,
    "tf.keras.backend.get_session": _SESSION,
    "tf.compat.v1.keras.backend.get_session": _SESSION,
}
_METHODS = {_MRG: STREAM, _STREAMS: STREAM, _SESSION: SESSION}


def made(symbol: str) -> Value:
    """What calling a symbol makes: an object of an engine, or nothing that is known."""
    made_of = _MADE_BY.get(symbol)
    return (
        UNKNOWN
        if made_of is None
        else Value(OBJECT, "theano" if made_of.startswith("theano") else "tensorflow", constant=made_of)
    )


def method(receiver: Value, name: str) -> str | None:
    """The symbol of an object's method."""
    return f"{receiver.constant}.{name}" if name in _METHODS.get(receiver.constant, ()) else None
