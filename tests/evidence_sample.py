"""One run of verify with every verdict in it, and names that try to be more than names."""

from __future__ import annotations

from typing import Any

from kmigrate.report.evidence import Evidence
from kmigrate.verify.verdicts import DECADES, CaseVerdict, EditVerdict, EngineVerdict, Place, UnitVerdict

BEFORE = """class Attention(Layer):
    def call(self, x, mask=None):
        scores = tf.reduce_sum(tf.tanh(K.dot(x, self.kernel)), axis=1)  # comment
        return tf.nn.softmax(
            scores,
            axis=-1,
        )
"""
AFTER = BEFORE.replace("tf.reduce_sum", "K.sum").replace("tf.tanh", "K.tanh")
AFTER = AFTER.replace("tf.nn.softmax(\n            scores,\n            axis=-1,\n        )", "K.softmax(scores, axis=-1)")
HOSTILE = "<img src=x onerror=alert(1)>"
HOSTILE_PATH = "a\"b'</script><script>alert(2)</script>|`&.py"
VERSIONS = {"python": "3.7", "keras": "2.3.1", "tensorflow": "1.15.5", "theano": "1.0.5"}


def run(engine: str, number: int, verdict: str, floatx: str, gap: float, **more: Any) -> CaseVerdict:
    spread = [0] * DECADES
    spread[0] = 400
    if gap:
        spread[4 if floatx == "float64" else 11] = 37
    figures = (gap, gap * 2, 3.0 if gap else 0.0, gap / 2, gap)
    case = f"units=3, x=float[2,5,4], {floatx}"
    return CaseVerdict(engine, number, case, floatx, "test", "channels_last", verdict, *figures, spread=tuple(spread), **more)


def unit(name: str, tensorflow: str, theano: str, gap: float = 3e-7, path: str = "src/layers.py", **more: Any) -> UnitVerdict:
    runs = [
        run(engine, number, verdict, floatx, 0.0 if verdict == "identical" else gap)
        for engine, verdict in (("tensorflow", tensorflow), ("theano", theano))
        if verdict in ("identical", "equal", "different")
        for number, floatx in enumerate(("float64", "float32"), 1)
    ]
    reason = more.pop("reason", None)
    engines = {
        "tensorflow": EngineVerdict(tensorflow, gap if runs else None, reason=reason, worst=more.pop("worst", None)),
        "theano": EngineVerdict(
            theano, gap if runs else None, reason=f"no {name} on theano" if theano == "unsupported" else None
        ),
    }
    values = {"line": 12, "before": BEFORE, "after": AFTER, "runs": tuple(runs), **more}
    return UnitVerdict(path, name, "layer", tensorflow, engines, len(runs) // 2, reason, **values)


WORST = Place("output 0", (1, 4, 0), 0.5, 0.82)
SMALLEST = run("tensorflow", 0, "different", "float64", 0.32, worst=Place("output 0", (0, 1), 1.0, float("nan")))
EDITS = (
    EditVerdict(14, 18, "TF201", "tf.math.reduce_sum", "K.sum(y, axis=1)", True, 1),
    EditVerdict(16, 20, "TF211", "tf.math.tanh", "K.tanh(x)", False),
    EditVerdict(19, 9, "TF214", "tf.nn.softmax", "K.softmax(scores, axis=-1)", None),
)
NOT_EXECUTED = "1 of 3 edits executed by no case: line 16 (tf.math.tanh)"
UNITS = (
    unit("Attention", "identical", "equal", edits=EDITS[:1]),
    unit("Helper", "equal", "equal", edits=EDITS),
    unit(
        "Merge",
        "different",
        "different",
        0.32,
        reason="output: 12 of 20 values differ",
        blame="line 6: TF201 `tf.reduce_sum`",
        origin="Merge(axis=1) in tests/test_merge.py",
        worst=WORST,
        smallest=SMALLEST,
    ),
    unit("Resize", "identical", "unsupported"),
    unit("Hangs", "error", "error", reason="the rewritten code fails: timeout: no answer within 60 s"),
    unit(HOSTILE, "skipped", "skipped", path=HOSTILE_PATH, reason="none runs: </script><script>alert(3)</script>", after=BEFORE),
    unit("Later", "equal", "equal", path="src/later.py"),
)
EVIDENCE = Evidence("keras2", "keras2-tf1", tuple(one.as_json() for one in UNITS), VERSIONS, total=9)
HIGHLIGHTS = {  # of the unit Merge
    "Cases from": "Merge(axis=1) in tests/test_merge.py",
    "Worst element, tensorflow": "output 0 at [1, 4, 0]: 0.5 before, 0.82 after",
    "Smallest case that differs": "units=3, x=float[2,5,4], float64, test phase, channels_last: output 0 at [0, 1]: 1 before, nan after",
}
