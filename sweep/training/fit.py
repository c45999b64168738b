"""sweep.training.fit."""

from typing import Any

import keras

from sweep.training.callback_hooks import Logs
from sweep.training.data.batches import BatchSource


def fit(
    model: keras.Model,
    data: tuple[BatchSource, BatchSource],
    callbacks: list[keras.callbacks.Callback],
    first: int,
    epochs: int,
) -> None:
    """Let Keras fit a model, whose steps ``sweep.training.steps.take_over`` has taken over.

    Args:
        model: built and compiled.
        data: the batches of the training and of the validation.
        callbacks: are called in this order.
        first: the epoch to begin with.
        epochs: of the whole training.
    """
    batches, validation = data
    model.fit(
        batches.numbers,
        initial_epoch=first,
        epochs=epochs,
        validation_data=validation.numbers,
        callbacks=SkippingCallbackList(
            callbacks, model, epochs=epochs, steps=batches.count, verbose=0
        ),
        shuffle=False,  # the batches have their order
        verbose=0,
    )


class SkippingCallbackList(keras.callbacks.CallbackList):
    """Keras's own list of callbacks, silent where a batch has nothing to be done for.

    ``fit`` counts the batches of an epoch from 0, so it also comes by those that were trained before the cut, and by those
    that an earlier call of TensorFlow has done as well; callbacks hear of the last batch of each call.
    """

    def __init__(
        self, callbacks: list[keras.callbacks.Callback], model: keras.Model, **params: Any
    ) -> None:
        super().__init__(callbacks, add_history=True, model=model, **params)
        self._of = model  # whose functions are made anew where a callback compiles it

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if not self._of.train_function.passes_over(batch):
            super().on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._of.train_function.has_worked:
            super().on_train_batch_end(self._of.train_function.done - 1, logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        super().on_test_begin(logs)
        self._of.test_function.begin()

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if not self._of.test_function.passes_over(batch):
            super().on_test_batch_begin(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._of.test_function.has_worked:
            super().on_test_batch_end(self._of.test_function.done - 1, logs)
