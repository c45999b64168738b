"""The best trial of a sweep, as ``sweep.Sweep(…).best()`` returns it, and its model."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.errors import SweepError
from sweep.wording import first_line

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class BestTrial:
    """The best of the finished trials.

    ``path`` is the file of its model, ``values`` has its objectives by name, ``epoch`` (from 0) is
    its best epoch. Where a trial is repeated, ``values`` are the medians that Optuna was told, and
    the rest describes the best of its experiences.
    """

    space: str
    path: Path
    id_experience: str
    values: dict[str, float]
    epoch: int
    parameters: dict[str, Any]

    @property
    def val_acc(self) -> float:
        """The value of the objective ``val_acc``.

        Raises:
            KeyError: the sweep has other objectives, see ``values``.
        """
        return self.values["val_acc"]

    def load(self) -> "keras.Model":
        """Return the model, loaded in Keras's safe mode: a file from somebody else runs no code.

        The search space is executed first, because it registers its custom layers.

        Raises:
            SweepError: the file is damaged, or its model contains code.
        """
        from sweep.space import search_space, source
        from sweep.system.host import prepare_for_keras

        prepare_for_keras()
        import sweep.training.preload  # noqa: F401 # Keras, in silence

        search_space.load(source.find(self.space))
        import keras

        from sweep.training.hdf5 import checked_model

        try:
            with checked_model(self.path) as path:
                return keras.models.load_model(path, safe_mode=True)
        except Exception as error:  # a file that may be anybody's
            raise SweepError(
                f"{self.path} cannot be loaded in Keras's safe mode ({first_line(error)}): "
                "see sweep verify --models."
            ) from error
