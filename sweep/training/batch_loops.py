"""sweep.training.batch_loops."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from sweep.training.data.batches import BatchSource

NUMBER = tf.TensorSpec([], tf.int64)  # what ``Batches.numbers`` holds
Step = Callable[[Any], dict[str, Any]]  # what one batch logs


class GraphLoop:
    """Does many batches in one loop of one graph, and returns what the last of them logs."""

    def __init__(self, model: keras.Model, step: Step, batches: BatchSource) -> None:
        self._one = tf.function(step, autograph=False, jit_compile=model.jit_compile)
        self._batches = batches
        self._in_graph = tf.function(self._loop, autograph=False)
        self.concrete: Any = None

    def __call__(self, first: int, many: int) -> dict[str, Any]:
        logs: dict[str, Any] = self._in_graph(
            tf.constant(first, tf.int64), tf.constant(many, tf.int64)
        )
        return logs

    def trace(self) -> None:
        """See ``Steps``."""
        self._in_graph.get_concrete_function(NUMBER, NUMBER)

    def _loop(self, first: tf.Tensor, many: tf.Tensor) -> Any:
        end = first + many

        def body(number: tf.Tensor, logs: Any) -> tuple[tf.Tensor, Any]:  # noqa: ARG001 # of the batch before
            return number + 1, self._one(self._batches.batch(number))

        self.concrete = self._one.get_concrete_function(self._batches.spec())
        specs = self.concrete.structured_outputs
        shapes = keras.tree.map_structure(lambda spec: spec.shape, specs)
        nothing = keras.tree.map_structure(
            lambda spec: tf.zeros(_least(spec.shape), spec.dtype), specs
        )
        return tf.while_loop(
            cond=lambda number, *_: number < end,
            body=body,
            loop_vars=[first, nothing],
            shape_invariants=[tf.TensorShape([]), shapes],
            parallel_iterations=1,
        )[1]


def _least(shape: tf.TensorShape) -> list[int]:
    return [size or 0 for size in shape] if shape.rank is not None else []


class PythonLoop:
    """Does batches one by one, as Keras's own loops do, where Python makes them, and not the graph.

    One graph is for all of them: graphs of other shapes, made in another order after a cut, might differ in the last bits.
    """

    def __init__(self, model: keras.Model, step: Step, batches: BatchSource) -> None:
        self._batches, self._is_eager = batches, model.run_eagerly
        self._step: Any = step
        if not self._is_eager:
            self._step = tf.function(
                step,
                autograph=False,
                jit_compile=model.jit_compile,
                input_signature=[batches.spec()],
            )
        self.concrete: Any = None

    def __call__(self, first: int, many: int) -> dict[str, Any]:
        if not self._is_eager and not self.concrete:
            self.trace()
        for number in range(first, first + many):
            logs: dict[str, Any] = self._step(self._batches.batch(number))
        return logs

    def trace(self) -> None:
        """See ``Steps``; what runs eagerly has no graph."""
        if not self._is_eager:
            self.concrete = self._step.get_concrete_function()


def operations(concrete: Any) -> set[str]:
    """Return the names of the operations of a graph, and of all graphs that it calls."""
    graph = concrete.graph.as_graph_def()
    nodes = [
        *graph.node,
        *(node for function in graph.library.function for node in function.node_def),
    ]
    return {node.op for node in nodes}
