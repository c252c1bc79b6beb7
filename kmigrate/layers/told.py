"""What the bytes of a file tell before its tree is asked: where no such word stands, nothing need be looked for."""

from __future__ import annotations

from kmigrate.layers.kinds import FUNCTION_WORDS, LOSS_WORDS, REGISTER
from kmigrate.search import holds
from kmigrate.traces import may_be_for_theano, reaches_through_keras


class Told:
    """Whether a file may reach an engine ``through_keras``, names Theano, has methods of Theano's tensors, sets custom objects,
    hands functions over by ``keywords``, has the signature of ``losses`` or ``registers`` something. Without bytes all may be."""

    def __init__(self, data: bytes | None) -> None:
        self._data = data
        self.through_keras = data is None or reaches_through_keras(data)
        self.theano = self._names("theano")
        self.theano_methods = data is None or may_be_for_theano(data)
        self.custom_objects = self._names("ustom_objects", "CUSTOM_OBJECTS")
        self.keywords = self._names(*FUNCTION_WORDS)
        self.losses = self._names(*LOSS_WORDS)
        self.registers = self._names(REGISTER)

    def _names(self, *words: str) -> bool:
        return self._data is None or any(holds(self._data, word.encode()) for word in words)
