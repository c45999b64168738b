"""The model, prepared for a phase by the function that the search space names for it."""

from typing import Any

import keras
import numpy as np

from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.phases import Phase
from sweep.training import steps
from sweep.training.data.batch_source import BatchSource
from sweep.training.state.model_settings import trainable_flags


def apply(phase: Phase, model: keras.Model, parameters: dict[str, Any]) -> None:
    """Let the function of a phase change the model.

    Args:
        phase: may have no such function.
        model: built.
        parameters: of the training.

    Raises:
        SearchSpaceWrong: it returns another model.
    """
    returned = phase.prepare(model, dict(parameters)) if phase.prepare else None
    if isinstance(returned, keras.Model) and returned is not model:
        raise SearchSpaceWrong(
            f"{phase.source}: it returns another model; change the one that it is given, whose "
            "weights are trained."
        )


def prepare_phase(
    phase: Phase,
    number: int,
    model: keras.Model,
    parameters: dict[str, Any],
    validation: BatchSource,
) -> None:
    """Prepare the model for a phase after the first, and build what it is compiled with.

    What is drawn at random meanwhile, as the weights of a new layer, depends on the seed of the
    training and on the number of the phase, so that it is the same where a resume does this again.

    Args:
        phase: has a function.
        number: of the phase, from 0.
        model: as the phase before has left it; where that is resumed, as it was built.
        parameters: of the training.
        validation: its batches.

    Raises:
        SearchSpaceWrong: the model is another one, is not compiled anew where that is needed, or
            has other metrics.
    """
    seed = np.random.SeedSequence([parameters["seed"], number]).generate_state(1)[0]
    keras.utils.set_random_seed(int(seed))
    before = _Compiled(model)
    apply(phase, model, parameters)
    if before.is_still_compiled() and trainable_flags(model) != before.trainable:
        raise SearchSpaceWrong(
            f"{phase.source}: it changes what is trainable, which has no effect before the model "
            "is compiled; call model.compile(…) there."
        )
    steps.build(model, validation)
    metrics = list(model.get_metrics_result())
    if metrics != before.metrics:
        raise SearchSpaceWrong(
            f"{phase.source}: it compiles the metrics {', '.join(metrics)}, and the phase before "
            f"has {', '.join(before.metrics)}; give all phases the same."
        )
    model.make_train_function(force=True)
    model.make_test_function(force=True)


class _Compiled:
    """What a model is compiled with, and what of it is trainable."""

    def __init__(self, model: keras.Model) -> None:
        self._model, self._config = model, _compile_config(model)
        self.trainable = trainable_flags(model)
        self.metrics = list(model.get_metrics_result())

    def is_still_compiled(self) -> bool:
        return _compile_config(self._model) is self._config


def _compile_config(model: keras.Model) -> Any:
    return model._compile_config  # noqa: SLF001 # no public name; a new object after each compile
