"""Which code is layer code, and why: code that Keras calls while it builds or runs a model."""

from kmigrate.layers.code import LayerCode
from kmigrate.layers.kinds import kind_of_base

__all__ = ["LayerCode", "kind_of_base"]
