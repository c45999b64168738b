"""One call of ``model.fit`` over batches that ``sweep.training.steps`` does many at a time."""

from typing import Any

import keras

from sweep.training.callback_hooks import Logs
from sweep.training.data.batch_source import BatchSource


def fit(
    model: keras.Model,
    data: tuple[BatchSource, BatchSource],
    callbacks: list[keras.callbacks.Callback],
    first: int,
    epochs: int,
) -> None:
    """Fit a model whose steps ``sweep.training.steps.take_over`` has taken over.

    Args:
        model: built and compiled.
        data: the batches of the training and of the validation.
        callbacks: are called in this order.
        first: the epoch to begin with.
        epochs: the number of epochs of the whole training.
    """
    batches, validation = data
    callback_list = SkippingCallbackList(
        callbacks, model, epochs=epochs, steps=batches.count, verbose=0
    )
    model.fit(
        batches.numbers,
        initial_epoch=first,
        epochs=epochs,
        validation_data=validation.numbers,
        callbacks=callback_list,
        shuffle=False,  # the batches have their order
        verbose=0,
    )


class SkippingCallbackList(keras.callbacks.CallbackList):
    """A CallbackList that says nothing of batches which are done already.

    ``fit`` counts the batches of an epoch from 0. It therefore also counts those that were trained
    before an interruption, and those that an earlier call of TensorFlow has done. Callbacks hear of
    the last batch of each call.
    """

    def __init__(
        self, callbacks: list[keras.callbacks.Callback], model: keras.Model, **params: Any
    ) -> None:
        super().__init__(callbacks, add_history=True, model=model, **params)
        self._fitted = model  # whose functions are made anew where a callback compiles it

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
