"""The model, prepared for a phase by the function that the search space names for it."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.phases import Phase, Phases
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
    before.check_trainable(phase)
    steps.build(model, validation)
    before.check_metrics(phase)
    model.make_train_function(force=True)
    model.make_test_function(force=True)


def each_phase(
    phases: Phases, model: keras.Model, parameters: dict[str, Any], validation: BatchSource
) -> Iterator[Phase]:
    """Yield each phase once the model, which was built for the first, is prepared for it."""
    for number, phase in enumerate(phases):
        if number and phase.prepare:
            prepare_phase(phase, number, model, parameters, validation)
        yield phase


class _Compiled:
    """What a model is compiled with before a phase, to be compared with what it is then."""

    def __init__(self, model: keras.Model) -> None:
        self._model, self._config = model, _compile_config(model)
        self._trainable, self._metrics = trainable_flags(model), _metrics(model)

    def check_trainable(self, phase: Phase) -> None:
        is_still_compiled = _compile_config(self._model) is self._config
        if is_still_compiled and trainable_flags(self._model) != self._trainable:
            raise SearchSpaceWrong(
                f"{phase.source}: it changes what is trainable, which has no effect before the "
                "model is compiled; call model.compile(…) there."
            )

    def check_metrics(self, phase: Phase) -> None:
        metrics = _metrics(self._model)
        if metrics != self._metrics:
            raise SearchSpaceWrong(
                f"{phase.source}: it compiles the metrics {', '.join(metrics)}, and the phase "
                f"before has {', '.join(self._metrics)}; give all phases the same."
            )


def _compile_config(model: keras.Model) -> Any:
    return model._compile_config  # noqa: SLF001 # no public name; a new object after each compile


def _metrics(model: keras.Model) -> list[str]:
    return sorted(model.get_metrics_result())
