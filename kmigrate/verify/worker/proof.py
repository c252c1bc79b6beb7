"""The worker's part of the rulebook's proof: many inputs for one pair of texts, in one request. Python 3.6 and numpy.

A request::

    {"op": "prove", "function": "example", "texts": [{"source": ...}, ...], "theano_optimizer": "fast_run", "variants": [
        {"floatx": "float64", "gradient": true, "literals": {"n": "3"}, "exprs": {},
         "feeds": [{"name": "x", "d": "float64", "s": [2, 3], "dynamic": false}], "runs": [[array of x], ...]}, ...]}

The graph of a variant (ranks, dtypes) is built once for each text on the same placeholders. The variants are evaluated together,
one run of each at a time: starting an evaluation costs more than the evaluation. The first text is the original: where it cannot
be built or does not run, the others are not tried. The answer holds for each variant, text and run the outputs and
gradients; ``"="`` stands for what is, bit for bit, the value of the first text.

With ``theano_optimizer`` (else Theano runs graphs as they are written) outputs and gradients are functions of their own, as
prediction and training are, and the outputs have their logarithms beside them: Theano rewrites log(softmax(x)), log(1 + x), ...
as a whole, so that a result may be right and lose its digits in the next function.
"""

import ast
import types

import numpy as np

from .evaluation import MOMENT_RUNS, summary
from .failures import CaseError, CaseTimeout, failure, limited, short, stage
from .units import plain
from .values import decode, encode, flatten


class Side:
    """One text of one variant, built on the variant's placeholders. ``failed`` is the answer where that was not possible."""

    def __init__(self, prover, variant, function):
        self.variant, self.failed = variant, None
        self.flat, self.tensors, self.sources, self.gradients = [], [], [], []
        self.no_gradient, self.random, self.moments = None, False, []
        self.runs = []
        engine = prover.engine
        try:
            if isinstance(function, dict):
                self.failed = function
                return
            with engine.scope():
                flatten(stage("call", lambda: function(**variant.arguments)), "output", self.flat)
                self.tensors = [engine.identity(value) for _, value in self.flat if engine.is_tensor(value)]
                outputs = list(self.tensors)
                if prover.optimizer:
                    self._add_logarithms(engine)
        except CaseTimeout:
            raise
        except BaseException as error:
            self.failed = failure(error)
            return
        if variant.spec.get("gradient", True):
            self._differentiate(engine, outputs)
        else:
            self.no_gradient = "not asked for"

    def _add_logarithms(self, engine):
        found = [
            (name, value) for name, value in self.flat if engine.is_tensor(value) and engine.dtype(value).startswith("float")
        ]
        logarithms = [engine.theano.tensor.log(value) for _, value in found]
        self.flat += [("log of " + name, value) for (name, _), value in zip(found, logarithms)]
        self.tensors += logarithms

    def _differentiate(self, engine, tensors):
        """Gradients of a weighted sum of all float outputs with respect to all float inputs."""
        outputs = [tensor for tensor in tensors if engine.dtype(tensor).startswith("float")]
        sources = [(n, feed) for n, feed in zip(self.variant.names, self.variant.feeds) if engine.dtype(feed).startswith("float")]
        if not outputs or not sources:
            self.no_gradient = "nothing to differentiate"
            return
        feeds = [feed for _, feed in sources]
        try:
            with engine.scope():
                weights = [weights_like(engine, output) for output in outputs]
                if engine.name == "tensorflow":
                    found = engine.tf.gradients(outputs, feeds, grad_ys=weights)
                    found = [None if item is None else engine.tf.convert_to_tensor(item) for item in found]
                else:
                    total = sum((output * weight).sum() for output, weight in zip(outputs, weights))
                    found = engine.theano.grad(total, feeds, disconnected_inputs="ignore", return_disconnected="None")
            self.sources, self.gradients = [name for name, _ in sources], found
        except CaseTimeout:
            raise
        except BaseException as error:
            self.drop_gradients("%s: %s" % (type(error).__name__, short(error)))

    def drop_gradients(self, reason):
        self.sources, self.gradients, self.no_gradient = [], [], reason

    def fetches(self):
        return self.tensors + [item for item in self.gradients if item is not None]

    def take(self, engine, computed):
        """Outputs (tensors and others) and gradients from computed arrays, in the order of ``fetches``."""
        computed = iter(computed)
        outputs = [np.asarray(next(computed)) if engine.is_tensor(value) else value for _, value in self.flat]
        gradients = [None if item is None else np.asarray(next(computed)) for item in self.gradients]
        return {"ok": True, "outputs": outputs, "gradients": gradients}


def weights_like(engine, output):
    """The weights of an output's elements: of its shape alone, so that they are the same for every text."""
    dtype = engine.dtype(output)
    if engine.name == "theano":
        T = engine.theano.tensor
        places = T.cast(T.arange(output.size), "float64").reshape(output.shape, ndim=output.ndim)
        return T.cast(T.cos(places * np.float64(1.7) + np.float64(0.3)), dtype)
    if output.shape.is_fully_defined():
        shape = tuple(output.shape.as_list())
        return engine.tf.constant(np.cos(np.arange(int(np.prod(shape))) * 1.7 + 0.3).reshape(shape), dtype=dtype)
    tf = engine.tf
    places = tf.reshape(tf.range(tf.size(output)), tf.shape(output))
    return tf.cast(tf.cos(tf.cast(places, "float64") * 1.7 + 0.3), dtype)


class Variant:
    """Placeholders and the arrays to feed them with."""

    def __init__(self, prover, spec):
        engine = prover.engine
        self.spec = spec
        engine.set_types(spec)
        self.names = [feed["name"] for feed in spec["feeds"]]
        arrays = [np.zeros(feed["s"], dtype=feed["d"]) for feed in spec["feeds"]]
        with engine.scope():
            self.feeds = [engine.placeholder(a, f.get("dynamic", False), False) for a, f in zip(arrays, spec["feeds"])]
        self.arguments = dict(zip(self.names, self.feeds))
        for name, text in spec.get("literals", {}).items():
            self.arguments[name] = ast.literal_eval(text)
        for name, text in spec.get("exprs", {}).items():
            self.arguments[name] = plain(engine, types.ModuleType("snippet"), {"expr": text})
        self.runs = [[decode(item) for item in run] for run in spec["runs"]]
        self.sides, self.failed = [], None
        self.alone = False

    def values(self, place):
        return self.runs[min(place, len(self.runs) - 1)]


class Graph:
    """Makes functions of arrays. TensorFlow: one session; Theano: compiled functions."""

    def __init__(self, engine, optimizer):
        self.engine = engine
        self.session = self.mode = None
        if engine.name == "tensorflow":
            self.session = self._session()
        elif optimizer:
            mode = engine.theano.compile.mode.Mode(linker="vm", optimizer=optimizer)
            # What would insist on a convolution that is compiled.
            self.mode = mode.excluding("conv_gemm", "conv_dnn", "local_abstractconv_check")

    def _session(self):
        tf = self.engine.tf
        with self.engine.scope():
            graph = tf.compat.v1.get_default_graph()
        # What was created eagerly (variables) is captured, and a session cannot feed it.
        if getattr(graph, "captures", None):
            return None
        if not self.engine.tf2 and tf.compat.v1.global_variables():
            return self.engine.K.get_session()
        config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        return tf.compat.v1.Session(graph=graph, config=config)

    def function(self, inputs, tensors):
        if not tensors:
            return lambda values: []
        if self.session is not None:
            return self._callable(inputs, tensors)
        if self.engine.name == "theano":
            phase, values_of_phase = self.engine.phase_inputs(0)
            options = {"on_unused_input": "ignore", "allow_input_downcast": True, "mode": self.mode}
            function = self.engine.theano.function(inputs + phase, tensors, **options)
            return lambda values: function(*(list(values) + values_of_phase))
        return self.engine.K.function(inputs, tensors)

    def of_side(self, side):
        """All that a side yields, as one function; optimized, what is computed together decides what becomes of it."""
        feeds = side.variant.feeds
        if self.mode is None:
            return self.function(feeds, side.fetches())
        values, gradients = self.function(feeds, side.tensors), self.function(feeds, side.fetches()[len(side.tensors) :])
        return lambda arrays: list(values(arrays)) + list(gradients(arrays))

    def _callable(self, inputs, tensors):
        from tensorflow.core.protobuf import config_pb2

        options = config_pb2.CallableOptions()
        options.feed.extend([tensor.name for tensor in inputs])
        options.fetch.extend([tensor.name for tensor in tensors])
        run = self.session._make_callable_from_options(options)
        return lambda values: run(*values)

    def close(self):
        if self.session is not None and self.session is not getattr(self.engine.K, "_SESSION", None):
            self.session.close()


class Prover:
    """Runs the variants of one request."""

    def __init__(self, engine, request):
        self.engine, self.request = engine, request
        self.optimizer = request.get("theano_optimizer")
        self.functions = []
        for text in request["texts"]:
            module = types.ModuleType("snippet")
            try:
                exec(compile(text["source"], "<snippet>", "exec", dont_inherit=True), module.__dict__)
                self.functions.append(getattr(module, request["function"]))
            except Exception as error:
                self.functions.append(failure(CaseError("import", error)))

    def run(self):
        variants = [self.built(spec) for spec in self.request["variants"]]
        # The types of the last variant must not decide how the others are compiled.
        self.engine.set_types(
            {"floatx": variants[0].spec["floatx"] if self.optimizer and variants[0].failed is None else "float32"}
        )
        self.graph = Graph(self.engine, self.optimizer)
        self.alone = {}
        try:
            alive = [variant for variant in variants if variant.failed is None and variant.sides[0].failed is None]
            for place in range(max([len(variant.runs) for variant in alive] or [0])):
                self.place([variant for variant in alive if place < len(variant.runs)], alive, place)
        finally:
            self.graph.close()
        return [self.answers(variant) for variant in variants]

    def built(self, spec):
        try:
            return limited(self.request.get("each_s", 20), self._build, spec)
        except CaseTimeout as error:
            failed = types.SimpleNamespace(failed=failure(error))
            return failed

    def _build(self, spec):
        variant = Variant(self, spec)
        for function in self.functions:
            variant.sides.append(Side(self, variant, function))
            if variant.sides[0].failed is not None:
                break
        return variant

    # --- evaluation: all variants at a time, and one by one where that fails

    def place(self, variants, alive, place):
        together = [variant for variant in alive if not variant.alone]
        results = self.together(together, place) if len(together) > 1 else None
        if results is None:
            for variant in together:
                variant.alone = len(together) > 1
            failing = []
            for variant in together:
                if not self.one_by_one(variant, place):
                    failing.append(variant)
            # The others go on together.
            for variant in together:
                variant.alone = variant in failing
            self.alone.pop("together", None)
        for variant in variants:
            if variant.alone and variant not in together:
                self.one_by_one(variant, place)
        for variant in variants:
            if place == 0:
                self.look_for_randomness(variant)

    def together(self, variants, place):
        """Evaluate everything; False where something fails."""
        sides = [side for variant in variants for side in variant.sides if side.failed is None]
        values = [value for variant in variants for value in variant.values(place)]
        try:
            if "together" not in self.alone:
                feeds = [feed for variant in variants for feed in variant.feeds]
                self.alone["together"] = self.graph.function(feeds, [item for side in sides for item in side.fetches()])
            computed = limited(self.request.get("each_s", 20), self.alone["together"], values)
        except CaseTimeout:
            return None
        except MemoryError:
            raise
        except BaseException:
            return None
        computed = list(computed)
        for side in sides:
            count = len(side.fetches())
            if place < len(side.variant.runs):
                side.runs.append(side.take(self.engine, computed[:count]))
            computed = computed[count:]
        return True

    def one_by_one(self, variant, place):
        """One variant, each text by itself, gradients apart where need be. Returns whether all of it ran."""
        if place >= len(variant.runs):
            return True
        fine = True
        for side in variant.sides:
            if side.failed is not None:
                continue
            if side is not variant.sides[0] and not variant.sides[0].runs[place].get("ok"):
                side.runs.append({"ok": False})
                continue
            side.runs.append(self.evaluate(side, place))
            fine = fine and side.runs[-1]["ok"]
        return fine

    def evaluate(self, side, place):
        values = side.variant.values(place)
        while True:
            try:
                function = self.alone.get(id(side))
                if function is None:
                    function = limited(self.request.get("each_s", 20), self.graph.of_side, side)
                    self.alone[id(side)] = function
                return side.take(self.engine, limited(self.request.get("each_s", 20), function, values))
            except MemoryError:
                raise
            except BaseException as error:
                failed = failure(error if isinstance(error, CaseTimeout) else CaseError("evaluate", error))
                self.alone.pop(id(side), None)
                if not side.gradients:
                    return failed
                # Perhaps the gradients alone fail.
                side.drop_gradients("%s: %s" % (type(error).__name__, short(error)))

    def look_for_randomness(self, variant):
        first = variant.sides[0]
        if first.failed is not None or not first.runs or not first.runs[0]["ok"] or not self.request.get("random"):
            return
        for side in variant.sides:
            if side.failed is None and side.runs[0]["ok"]:
                side.random = True
                side.drop_gradients("random")
                side.runs[0]["gradients"] = []
                function = self.graph.function(variant.feeds, side.tensors)
                side.moments = self.moments(function, variant.values(0))

    def moments(self, function, values):
        samples = [function(values) for _ in range(MOMENT_RUNS)]
        return [summary(column) for column in zip(*samples)]

    # --- the answer, as JSON

    def answers(self, variant):
        if variant.failed is not None:
            return [variant.failed]
        first = variant.sides[0]
        return [self.answer(side, None if side is first else first) for side in variant.sides]

    def answer(self, side, first):
        if side.failed is not None:
            return side.failed
        runs = []
        for place, run in enumerate(side.runs):
            if not run.get("ok"):
                runs.append(run)
                continue
            base = first.runs[place] if first is not None and first.runs[place].get("ok") else None
            runs.append(
                {"ok": True, "outputs": self.values(run, base, "outputs"), "gradients": self.values(run, base, "gradients")}
            )
        return {
            "ok": True,
            "names": [name for name, _ in side.flat],
            "runs": runs,
            "gradient_names": side.sources,
            "no_gradient": side.no_gradient,
            "random": side.random,
            "moments": side.moments,
        }

    def values(self, run, base, key):
        found = []
        for place, value in enumerate(run[key]):
            if base is not None and len(base[key]) == len(run[key]) and identical(base[key][place], value):
                found.append("=")
            else:
                found.append(encode(value))
        return found


def identical(one, other):
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return False
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def prove(engine, request):
    engine.select("keras")
    engine.start({"floatx": "float32", "seed": request.get("seed", 0)})
    if engine.name == "theano":
        # Where each variable was made is of use to nobody here, and costs a tenth of the time.
        engine.theano.config.traceback.limit = 0
    return {"ok": True, "variants": Prover(engine, request).run()}
