"""Keras's own callbacks, of which it is known what they do to the logs and to the weights."""

from collections.abc import Sequence

import keras

# What each of them puts into the logs. None of them changes a weight before the training ends. A
# subclass may do anything.
KNOWN: dict[type, tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: (),
    keras.callbacks.ReduceLROnPlateau: ("learning_rate",),
    keras.callbacks.LearningRateScheduler: ("learning_rate",),
    keras.callbacks.TensorBoard: (),
    keras.callbacks.CSVLogger: (),
    keras.callbacks.ModelCheckpoint: (),
    keras.callbacks.TerminateOnNaN: (),
    keras.callbacks.RemoteMonitor: (),
    keras.callbacks.ProgbarLogger: (),
    keras.callbacks.History: (),
}


def are_all_known(callbacks: Sequence[keras.callbacks.Callback]) -> bool:
    """Tell whether none of the callbacks may change weights, or put other metrics into the logs."""
    return all(type(callback) in KNOWN for callback in callbacks)


def may_change_model(callbacks: Sequence[keras.callbacks.Callback]) -> bool:
    """Tell whether one of the callbacks may change what a model's file holds, at an epoch's end.

    Of Keras's own, ReduceLROnPlateau does: the file has the learning rate among its variables.
    """
    changing = keras.callbacks.ReduceLROnPlateau
    return any(type(callback) not in KNOWN or type(callback) is changing for callback in callbacks)


def names_logged_by(callbacks: Sequence[keras.callbacks.Callback]) -> set[str]:
    """Return what the known ones of these callbacks put into the logs."""
    return {name for callback in callbacks for name in KNOWN.get(type(callback), ())}
