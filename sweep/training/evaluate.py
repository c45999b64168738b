"""Best models, loaded and evaluated against the rows of their logs."""

import csv
import io
import math
from collections.abc import Callable, Iterator

import keras

from sweep.experience.folder import Experience
from sweep.experience.record import Record
from sweep.space.mistakes import error_in_file
from sweep.space.search_space import SearchSpace
from sweep.system import plain_files
from sweep.training import hdf5, steps
from sweep.training.data import make_batches
from sweep.training.data.batch_source import BatchSource
from sweep.training.data.loading import load_here

# On another processor, or with other threads, the last bits of a sum of float32 differ.
TOLERANCE = 1e-4


def evaluate(
    space: SearchSpace,
    finished: list[tuple[Experience, Record]],
    done: Callable[[], None],
    say: Callable[[str], None],
) -> Iterator[tuple[Experience, str | None]]:
    """Yield each experience with what is wrong with its best model, in words, or None.

    Models are loaded in Keras's safe mode: one that brings code of its own is not.
    """
    _, part = load_here(space).data
    for experience, record in finished:
        validation = make_batches.make_batch_source(
            part, False, record.parameters["batch_size"], record.seed, say
        )
        yield experience, _what_is_wrong(space, experience, record, validation)
        keras.utils.clear_session()
        done()


def _what_is_wrong(
    space: SearchSpace, experience: Experience, record: Record, validation: BatchSource
) -> str | None:
    try:
        with hdf5.checked_model(experience.meilleur) as path:
            model = keras.models.load_model(path, safe_mode=True)
        steps.build(model, validation)
        steps.take_over(model, validation, validation, lambda: validation.count)
        model.test_function.begin()
        found = model.evaluate(validation.numbers, verbose=0, return_dict=True)
        log = io.StringIO(plain_files.read(experience.log).decode(), newline="")
        row = list(csv.DictReader(log))[
            record.outcome.epoch if record.outcome and record.outcome.epoch else 0
        ]
        logged = {
            name: float(row.get(f"val_{name}") or "nan")
            for name, value in found.items()
            if isinstance(value, float)
        }
    except Exception as error:  # noqa: BLE001 # files of anybody's, with layers of the user's
        return f"meilleur.model.keras cannot be loaded and evaluated: {error_in_file(error, space.source.path)}"
    for name, value in logged.items():
        if not math.isclose(found[name], value, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            return f"meilleur.model.keras gives {name} {found[name]:.6g}, where log.csv has val_{name} {value:.6g}"
    return None
