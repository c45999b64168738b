"""Which attributes of Keras's objects are Keras's own, and what those objects refer to by them.

Keras saves its own attributes itself, or sets them anew. All other attributes are the user's state.
"""

import dis
import functools
import inspect
import types
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

# No public name: the class of keras.Model(inputs, outputs).
from keras.src.models.functional import Functional

from sweep.training.state.ownership import user_modules

# Keras itself sets these on every callback. Its own callbacks choose their ``monitor_op`` anew.
CALLBACK_ATTRIBUTES = {"_model", "params", "validation_data", "monitor_op"}
# Of Keras's TensorBoard: where it writes, which follows from its ``log_dir``; and what time it is.
TENSORBOARD_ATTRIBUTES = {
    *("_log_write_dir", "_train_dir", "_val_dir", "_writers", "_prev_summary_state"),
    *("_summary_module", "_batch_start_time", "_epoch_start_time", "_batch_trace_context"),
}
# Keras and ``sweep.training.steps`` set these on models while they train, by public names.
MODEL_ATTRIBUTES = {
    *("built", "compiled", "history", "stop_training", "stop_evaluating", "stop_predicting"),
    *("train_function", "test_function", "predict_function"),
    *("make_train_function", "make_test_function", "compile"),
}
KERAS_CLASSES = (
    *(keras.Layer, keras.Metric, keras.Loss, keras.Optimizer),
    *(keras.optimizers.schedules.LearningRateSchedule, keras.Regularizer),
    *(keras.constraints.Constraint, keras.Initializer, keras.random.SeedGenerator),
    *(keras.callbacks.Callback, keras.utils.PyDataset),
)
STORE, EXTENDED = dis.opmap["STORE_ATTR"], dis.opmap["EXTENDED_ARG"]


def keras_references(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an object refers to by attributes of Keras's own, under names of ours.

    Users may have attributes of Keras's names; ours end with "()", so that they are told apart.
    """
    if isinstance(thing, keras.Layer):
        # The public ``layers`` of a model leaves some out.
        yield "layers()", tuple(thing._layers)  # noqa: SLF001
        # Without the variables of the layers in it.
        own = (*thing._trainable_variables, *thing._non_trainable_variables)  # noqa: SLF001
        yield "variables()", own
    elif isinstance(thing, keras.Metric | keras.Optimizer):
        yield "variables()", tuple(thing.variables)
    if isinstance(thing, keras.Optimizer):
        yield "learning_rate()", thing._learning_rate  # noqa: SLF001 # a schedule, too
    if isinstance(thing, keras.Metric):
        # The metric that holds all that ``compile`` was given has these.
        yield "metrics()", tuple(getattr(thing, "metrics", ()))
    if isinstance(thing, tf.train.ExponentialMovingAverage):
        yield "averages()", tuple(thing._averages.values())  # noqa: SLF001
    if isinstance(thing, tf.random.Generator):
        yield "state()", thing.state
    if isinstance(thing, keras.Model) and thing.compiled:
        yield "metrics()", tuple(thing.metrics)
        loss = thing._compile_loss  # noqa: SLF001 # no public name
        yield "loss_weights()", loss and loss._user_loss_weights  # noqa: SLF001


@functools.cache
def hidden_names(cls: type) -> frozenset[str]:
    """Return the attributes of a class that are Keras's own, and no state of the user's."""
    if issubclass(cls, keras.callbacks.TensorBoard):
        return frozenset(CALLBACK_ATTRIBUTES | TENSORBOARD_ATTRIBUTES)
    if issubclass(cls, keras.callbacks.Callback):
        return frozenset(CALLBACK_ATTRIBUTES)
    if cls is tf.train.ExponentialMovingAverage:
        return _names_set_by(cls)
    if not issubclass(cls, (*KERAS_CLASSES, tf.Module, tf.random.Generator, tf.train.Checkpoint)):
        return frozenset()
    packages = ("keras", "tensorflow")
    bases = [base for base in cls.__mro__ if base.__module__.partition(".")[0] in packages]
    private = {name for base in bases for name in _names_set_by(base) if name.startswith("_")}
    return frozenset(private | (MODEL_ATTRIBUTES if issubclass(cls, keras.Model) else {"built"}))


def fill_caches() -> None:
    """Find out, once for all trainings, which modules and attributes are not the user's."""
    user_modules()
    for cls in (
        keras.Sequential,
        Functional,
        keras.optimizers.Adam,
        keras.metrics.Mean,
        keras.losses.MeanSquaredError,
    ):
        hidden_names(cls)


@functools.cache
def _names_set_by(cls: type) -> frozenset[str]:
    """Return the names of the attributes that the methods of a class set."""
    names = set[str]()
    for member in vars(cls).values():
        method = getattr(member, "fget", None) or getattr(member, "__func__", None) or member
        for code in _codes(getattr(inspect.unwrap(method), "__code__", None)):
            names.update(_names_stored_in(code))
    return frozenset(names)


def _names_stored_in(code: types.CodeType) -> Iterator[str]:
    """Yield the attributes that a code sets.

    ``dis.get_instructions`` takes ten times as long, in each training.
    """
    more = 0
    for operation, argument in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        if operation == STORE:
            yield code.co_names[more | argument]
        more = (more | argument) << 8 if operation == EXTENDED else 0


def _codes(code: Any) -> Iterator[types.CodeType]:
    """Yield a code and the codes of the functions defined in it."""
    if isinstance(code, types.CodeType):
        yield code
        for constant in code.co_consts:
            yield from _codes(constant)
