"""Calls of ``model.fit``, over batches that ``sweep.training.steps`` does many at a time."""

from typing import Any

import keras

from sweep.training.callback_hooks import Logs
from sweep.training.data.batch_source import BatchSource
from sweep.training.training_phases import TrainingPhases


def fit(
    model: keras.Model,
    data: tuple[BatchSource, BatchSource],
    callbacks: list[keras.callbacks.Callback],
    first: int,
    phases: TrainingPhases,
    stopped: bool = False,
) -> None:
    """Fit a model whose steps ``sweep.training.steps.take_over`` has taken over.

    There is one call of ``model.fit`` for each phase; the callbacks see one training.

    Args:
        model: built and compiled.
        data: the batches of the training and of the validation.
        callbacks: are called in this order.
        first: the epoch to begin with.
        phases: those of the whole training.
        stopped: whether a callback had stopped the phase that is resumed, at its end.
    """
    steps = data[0].count
    heard = SkippingCallbackList(
        callbacks, model, first, epochs=phases.epochs, steps=steps, verbose=0
    )
    heard.begin()  # a resume prepares its phase here: ``fit`` asks how the model was compiled
    if stopped or first >= phases.end():
        _end_phase(model)
        phases.begin_next(first)
    while True:
        _fit_phase(model, data, heard, phases.end())
        if phases.are_over(heard.next_epoch, model.stop_training):
            break
        phases.begin_next(heard.next_epoch)
    heard.end()


def _fit_phase(
    model: keras.Model,
    data: tuple[BatchSource, BatchSource],
    heard: "SkippingCallbackList",
    end: int,
) -> None:
    batches, validation = data
    heard.is_stopped = model.stop_training
    model.fit(
        batches.numbers,
        initial_epoch=heard.next_epoch,
        epochs=end,
        validation_data=validation.numbers,
        callbacks=heard,
        shuffle=False,  # the batches have their order
        verbose=0,
    )


def _end_phase(model: keras.Model) -> None:
    """Do what ``fit`` does at the end of a phase, where its last epoch is trained already."""
    if isinstance(model.optimizer, keras.Optimizer):  # it may put averages into the weights
        model.optimizer.finalize_variable_values(model.trainable_weights)


class SkippingCallbackList(keras.callbacks.CallbackList):
    """A CallbackList that hears several calls of ``fit`` as one, without the batches done already.

    ``fit`` counts the batches of an epoch from 0. It therefore also counts those that were trained
    before an interruption, and those that an earlier call of TensorFlow has done. Callbacks hear of
    the last batch of each call.

    Args:
        callbacks: are called in this order.
        model: is fitted.
        first: the epoch to begin with.
        params: what the callbacks are told of the training.
    """

    def __init__(
        self,
        callbacks: list[keras.callbacks.Callback],
        model: keras.Model,
        first: int,
        **params: Any,
    ) -> None:
        super().__init__(callbacks, add_history=True, model=model, **params)
        self._fitted = model  # whose functions are made anew where a callback compiles it
        self.next_epoch = first
        self.is_stopped = False  # before the next ``fit``, by a callback
        self._last_logs: Logs = None

    def begin(self) -> None:
        """Tell the callbacks that the training begins."""
        self._fitted.stop_training = False
        super().on_train_begin()

    def end(self) -> None:
        """Tell the callbacks that the training has ended."""
        super().on_train_end(self._last_logs)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Let a callback that has stopped the training meanwhile do so, as in Keras."""
        self._fitted.stop_training = self.is_stopped

    def on_train_end(self, logs: Logs = None) -> None:
        """Do nothing: a phase has ended."""
        self._last_logs = logs

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.next_epoch = epoch + 1
        super().on_epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if not self._fitted.train_function.passes_over(batch):
            super().on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._fitted.train_function.has_worked:
            super().on_train_batch_end(self._fitted.train_function.done - 1, logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        super().on_test_begin(logs)
        self._fitted.test_function.begin()

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if not self._fitted.test_function.passes_over(batch):
            super().on_test_batch_begin(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._fitted.test_function.has_worked:
            super().on_test_batch_end(self._fitted.test_function.done - 1, logs)
