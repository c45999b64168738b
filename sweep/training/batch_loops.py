"""Loops over the batches of one call: in the graph, or in Python where Python makes the batches."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from sweep.training.data.batch_source import BatchSource

NUMBER = tf.TensorSpec([], tf.int64)  # what ``Batches.numbers`` holds
Step = Callable[[Any], dict[str, Any]]  # takes a batch, returns what it logs


class GraphLoop:
    """A loop over batches in one graph, which takes their number as an input.

    Args:
        model: built and compiled.
        step: what is done with a batch.
        batches: makes a batch in the graph.
    """

    def __init__(self, model: keras.Model, step: Step, batches: BatchSource) -> None:
        self._step = tf.function(step, autograph=False, jit_compile=model.jit_compile)
        self._batches = batches
        # TensorFlow warns of a method that is traced often, whichever object it is of: a training
        # in phases does so. It knows no method by a partial.
        self._in_graph = tf.function(functools.partial(self._loop), autograph=False)
        self.concrete: Any = None

    def __call__(self, first: int, count: int) -> dict[str, Any]:
        """Do ``count`` batches from the ``first`` on, and return what the last of them logs."""
        logs: dict[str, Any] = self._in_graph(
            tf.constant(first, tf.int64), tf.constant(count, tf.int64)
        )
        return logs

    def trace(self) -> None:
        """Make the graph, and run nothing."""
        self._in_graph.get_concrete_function(NUMBER, NUMBER)

    def _loop(self, first: tf.Tensor, count: tf.Tensor) -> Any:
        end = first + count

        def body(number: tf.Tensor, _logs_before: Any) -> tuple[tf.Tensor, Any]:
            return number + 1, self._step(self._batches.batch(number))

        self.concrete = self._step.get_concrete_function(self._batches.spec())
        specs = self.concrete.structured_outputs
        shapes = keras.tree.map_structure(lambda spec: spec.shape, specs)
        no_logs = keras.tree.map_structure(
            lambda spec: tf.zeros(_smallest_shape(spec.shape), spec.dtype), specs
        )
        return tf.while_loop(
            cond=lambda number, *_: number < end,
            body=body,
            loop_vars=[first, no_logs],
            shape_invariants=[tf.TensorShape([]), shapes],
            parallel_iterations=1,
        )[1]


class PythonLoop:
    """A loop over batches in Python, as in Keras, for batches that no graph can make.

    One graph serves all batches. Graphs of other shapes, made in another order after an
    interruption, might differ in the last bits.

    Args:
        model: built and compiled.
        step: what is done with a batch.
        batches: makes a batch in Python.
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

    def __call__(self, first: int, count: int) -> dict[str, Any]:
        """Do ``count`` batches from the ``first`` on, and return what the last of them logs."""
        if not self._is_eager and not self.concrete:
            self.trace()
        for number in range(first, first + count):
            logs: dict[str, Any] = self._step(self._batches.batch(number))
        return logs

    def trace(self) -> None:
        """Make the graph, and run nothing; an eager model has none."""
        if not self._is_eager:
            self.concrete = self._step.get_concrete_function()


def operations(concrete: Any) -> set[str]:
    """Return the names of the operations of a graph, and of all graphs that it calls."""
    graph = concrete.graph.as_graph_def()
    functions = graph.library.function
    nodes = [*graph.node, *(node for function in functions for node in function.node_def)]
    return {node.op for node in nodes}


def _smallest_shape(shape: tf.TensorShape) -> list[int]:
    return [size or 0 for size in shape] if shape.rank is not None else []
