"""What the operations do to abstract values: one small pure function for each effect that ``operations`` names.

Each takes the bound arguments and the engine of the operation and answers with what is sure of the result.
"""

from kmigrate.values.effects import axes, elementwise, made, products  # they register their effects
from kmigrate.values.effects.base import EFFECTS, Arguments, apply
from kmigrate.values.effects.made import sizes

# Effects whose function arguments are called by the operation: their results take part.
CALLING = frozenset({"chosen", "joined", "phases"})

__all__ = ["CALLING", "EFFECTS", "Arguments", "apply", "axes", "elementwise", "made", "products", "sizes"]
