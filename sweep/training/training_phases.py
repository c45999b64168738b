"""Where a training is among its phases, and what happens between two of them."""

from collections.abc import Callable, Sequence

import keras

from sweep.space.phases import Phase
from sweep.training.training_progress import TrainingProgress


class TrainingPhases:
    """The phases of one training. Epochs are counted through all of them.

    Args:
        phases: of the search space.
        progress: has the first epoch of each phase that has begun.
        enter: prepares the model for the phase of that number, from 0.
        begun: is called once a phase has begun for which the model was prepared.
        heard_by: the callbacks to which each phase is a training of its own, as in Keras with one
            ``fit`` for each. A callback that stops the training then ends its phase only. Without
            any, all of it is one training.
    """

    def __init__(
        self,
        phases: Sequence[Phase],
        progress: TrainingProgress,
        enter: Callable[[int], None],
        begun: Callable[[], None],
        heard_by: Sequence[keras.callbacks.Callback] | None = None,
    ) -> None:
        self._phases, self._progress = phases, progress
        self._enter, self._begun, self._heard_by = enter, begun, heard_by

    @property
    def epochs(self) -> int:
        """The number of epochs of the whole training, if none of its phases is stopped early."""
        return sum(phase.epochs for phase in self._phases)

    def end(self) -> int:
        """Return the epoch before which the present phase ends."""
        begun = self._progress.phases
        return begun[-1] + self._phases[len(begun) - 1].epochs

    def are_over(self, epoch: int, stopped: bool) -> bool:
        """Tell whether the whole training ends before an epoch.

        Args:
            epoch: the next one.
            stopped: whether a callback has stopped the training.
        """
        is_last = len(self._progress.phases) == len(self._phases)
        if stopped and (is_last or self._heard_by is None):
            return True
        return is_last and epoch >= self.end()

    def prepare_again(self) -> None:
        """Prepare the model, as it was built, for the phase that is resumed, and for those before.

        What the training had made of the model until then is restored later.
        """
        for number in range(1, len(self._progress.phases)):
            self._enter(number)

    def begin_next(self, epoch: int) -> None:
        """End the present phase, and begin the next one with an epoch."""
        number = len(self._progress.phases)
        for callback in self._heard_by or ():
            callback.on_train_end()
        self._enter(number)
        for callback in self._heard_by or ():  # with the model as it was prepared, as in Keras
            callback.set_params(callback.params)
            callback.set_model(callback.model)  # TensorBoard opens its files here
            callback.on_train_begin()
        if self._phases[number].prepare:
            self._begun()
        self._progress.phases.append(epoch)


def one_phase(epochs: int) -> TrainingPhases:
    """Return the phases of a training that has one."""
    return TrainingPhases([Phase(epochs)], TrainingProgress(), lambda _: None, lambda: None)
