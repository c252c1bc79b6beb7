"""Which marked uses of a module are evaluated while a case runs."""

import builtins

MARK = "__kmigrate_ran__"


class Executing(object):
    """While it is entered, ``__kmigrate_ran__(use, value)`` of the marked text notes the number of the use and gives the value
    back: a use whose evaluation fails is not noted."""

    def __init__(self):
        self.ran = set()

    def __enter__(self):
        ran = self.ran

        def note(use, value):
            ran.add(use)
            return value

        # TensorFlow converts what the functions of tf.keras layers call: the note is taken in Python, and needs no graph.
        note.autograph_info__ = {}
        setattr(builtins, MARK, note)
        return self

    def __exit__(self, *_):
        delattr(builtins, MARK)
        return False
