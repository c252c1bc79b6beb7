"""What a built unit yields: outputs, state, moments, gradients."""

import types

import numpy as np

from .contract import configured, declared_shapes, same_values, shape_error
from .failures import CaseError, CaseTimeout, short, stage
from .running import Running
from .values import decode, encode, moved, same

MOMENT_RUNS = 64
# Two evaluations of random code may agree: two samples are both kept by a dropout of 0.1 in 65 of 100 cases.
AGAIN_RUNS = 48


def forward(engine, module, unit, case):
    """Build and evaluate once: (running, evaluation, weights, values)."""
    with engine.scope():
        engine_case = Running(engine, module, unit, case)
        flat = engine_case.build()
        evaluation = stage("evaluate", Evaluation, engine, engine_case, flat)
        stage("evaluate", evaluation.compile)
    weights = stage("evaluate", evaluation.set_state)
    values = stage("evaluate", evaluation.once)
    return engine_case, evaluation, weights, values


def run_case(engine, module, unit, case):
    running, evaluation, weights, values = forward(engine, module, unit, case)
    K = engine.K
    declared = stage("call", running.output_shape) if running.feeds else None
    answer = {
        "ok": True,
        "names": [name for name, _ in evaluation.flat],
        "outputs": [encode(value) for value in values],
        "weights": [encode(value) for value in weights],
        "weight_names": running.weight_names(),
        "after": [encode(value) for value in K.batch_get_value(running.weights)] if running.weights else [],
        "states": [encode(value) for value in K.batch_get_value(evaluation.others)] if evaluation.others else [],
        "output_shape": None if declared is None else str(declared),
        "shape_error": shape_error(declared_shapes(declared), values[: running.outputs]),
    }
    answer["random"] = stage("evaluate", is_random, evaluation, values)
    if answer["random"]:
        answer["moments"] = stage("evaluate", moments, evaluation, values)
        answer["no_gradient"] = "random"
    elif case.get("gradient", True):
        evaluation.restore()
        try:
            answer.update(gradients(engine, running, evaluation, values))
        except (CaseTimeout, MemoryError):
            raise
        except BaseException as error:
            answer["no_gradient"] = "%s: %s" % (type(error).__name__, short(error))
    else:
        answer["no_gradient"] = "not asked for"
    if case.get("round_trip"):
        again = dict(case, weights=answer["weights"], weight_names=answer["weight_names"])
        answer.update(round_trip(engine, module, unit, again, running, values, answer["random"]))
    return answer


def round_trip(engine, module, unit, case, running, values, random):
    """Through ``get_config`` and ``from_config``: the configuration, and why the copy made of it fails (None: it does not)."""
    config, make = configured(running.subject)
    if make is None:
        return {"config": config, "copy": config}
    known = {name: item for name, item in vars(module).items() if isinstance(item, (type, types.FunctionType))}
    try:
        with engine.scope(), engine.keras.utils.CustomObjectScope(known):
            again = Running(engine, module, unit, case)
            evaluation = Evaluation(engine, again, again.build(make()))
            evaluation.compile()
        evaluation.set_state()
        copied = evaluation.once()
    except (CaseTimeout, MemoryError):
        raise
    except BaseException as error:
        error = error.error if isinstance(error, CaseError) else error
        return {"config": config, "copy": "%s: %s" % (type(error).__name__, short(error))}
    return {"config": config, "copy": None if random else same_values(values, copied)}


class Evaluation(object):
    """The built unit as a function of its inputs, with the state put back before every evaluation."""

    def __init__(self, engine, running, flat):
        self.engine, self.running = engine, running
        self.flat = flat
        self.tensors = [engine.identity(value) for _, value in flat if engine.is_tensor(value)]
        self.phase, phase_values = engine.phase_inputs(running.case.get("phase", 0))
        self.values = running.values + phase_values
        self.state, self.saved, self.others = [], [], []

    def compile(self):
        K, running = self.engine.K, self.running
        inputs = running.feeds + self.phase
        if not self.tensors and not running.updates:
            self.function = None
            return
        self.function = (
            K.function(inputs, self.tensors, updates=running.updates) if running.updates else K.function(inputs, self.tensors)
        )

    def set_state(self):
        """Weights are those of the case or, where it has none, the initial ones moved off their zeros and ones."""
        K = self.engine.K
        self.running.arrange(self.running.case.get("weight_names"))
        weights, given = self.running.weights, self.running.case.get("weights")
        if given is None:
            rng = np.random.RandomState(self.running.case.get("seed", 0) + 17)
            values = [moved(value, rng) for value in K.batch_get_value(weights)]
        else:
            values = [decode(item) for item in given]
            found = [tuple(value.shape) for value in K.batch_get_value(weights)]
            if found != [tuple(value.shape) for value in values]:
                wanted = [tuple(value.shape) for value in values]
                raise CaseError("weights", ValueError("weights have the shapes %s, not %s" % (found, wanted)))
        if weights:
            K.batch_set_value(list(zip(weights, values)))
        others = [update[0] for update in self.running.updates if isinstance(update, tuple)]
        self.others = [variable for variable in others if not any(variable is weight for weight in weights)]
        seen, self.state = set(), []
        for variable in weights + others + self.engine.variables():
            if id(variable) not in seen:
                seen.add(id(variable))
                self.state.append(variable)
        self.saved = K.batch_get_value(self.state)
        return values

    def restore(self):
        if self.state and self.running.updates:
            self.engine.K.batch_set_value(list(zip(self.state, self.saved)))

    def once(self):
        """The values of every output, tensors and others, in order."""
        computed = iter([np.asarray(value) for value in self.function(self.values)] if self.function else [])
        return [next(computed) if self.engine.is_tensor(value) else value for _, value in self.flat]


def is_random(evaluation, values):
    """Whether a later evaluation yields other values: the next one or, where the graph draws numbers, any of many."""
    for _ in range(AGAIN_RUNS if evaluation.engine.draws(evaluation.tensors) else 1):
        evaluation.restore()
        if not all(same(left, right) for left, right in zip(values, evaluation.once())):
            return True
    return False


def moments(evaluation, values):
    """The summaries of every output over many evaluations; None for outputs that are no numbers."""
    samples = []
    for _ in range(MOMENT_RUNS):
        evaluation.restore()
        samples.append(evaluation.once())
    return [
        summary(column) if isinstance(column[0], np.ndarray) and len({item.shape for item in column}) == 1 else None
        for column in zip(*samples)
    ]


def summary(column):
    """Mean and variance of evaluations, element by element, and of each evaluation the mean of its elements and of their
    squared distances from the elements' means."""
    stack = np.stack([np.asarray(item, dtype="float64") for item in column])
    found = {"mean": stack.mean(axis=0), "variance": stack.var(axis=0)}
    rows = stack.reshape(len(stack), -1)
    if rows.shape[1]:
        found.update(means=rows.mean(axis=1), spreads=np.square(rows - rows.mean(axis=0)).mean(axis=1))
    return dict({name: encode(value) for name, value in found.items()}, count=len(stack))


def gradients(engine, running, evaluation, values):
    """Of a fixed weighted sum of all float outputs, with respect to float inputs and trainable weights."""
    K = engine.K
    rng = np.random.RandomState(4711)
    terms = []
    with engine.scope():
        tensors = iter(evaluation.tensors)
        for (_, value), computed in zip(evaluation.flat, values):
            if not engine.is_tensor(value):
                continue
            tensor = next(tensors)
            weights = rng.uniform(-1.0, 1.0, size=np.shape(computed)) if np.size(computed) else None
            if engine.dtype(tensor).startswith("float") and weights is not None:
                terms.append(K.sum(tensor * K.constant(weights, dtype=engine.dtype(tensor))))
        trainable = running.trainable
        sources, names = [], []
        for name, source in list(zip(running.names, running.feeds)) + [("weight[%d]" % i, w) for i, w in enumerate(trainable)]:
            if engine.dtype(source).startswith("float"):
                sources.append(source)
                names.append(name)
        if not terms or not sources:
            return {"no_gradient": "nothing to differentiate"}
        loss = terms[0]
        for term in terms[1:]:
            loss = loss + K.cast(term, engine.dtype(loss))
        found = engine.gradients(loss, sources)
        there = [grad for grad in found if grad is not None]
        function = K.function(running.feeds + evaluation.phase, there) if there else None
    computed = iter(function(evaluation.values) if function else [])
    answer = [None if grad is None else encode(np.asarray(next(computed))) for grad in found]
    return {"gradients": answer, "gradient_names": names}
