"""The best models of finished experiences, evaluated and compared with the rows of their logs."""

import csv
import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras

from sweep.experience.folder import Experience
from sweep.experience.record import Record
from sweep.space.mistakes import error_in_file
from sweep.space.noted_parameters import NotedParameters, fits
from sweep.space.search_space import SearchSpace
from sweep.system import plain_files
from sweep.training import hdf5, steps
from sweep.training.data.batch_source import BatchSource
from sweep.training.data.loading import load_here
from sweep.training.data.make_batches import make_batch_source

# The last bits of a sum of float32 differ on another processor, or with other threads.
TOLERANCE = 1e-4


def evaluate(
    space: SearchSpace,
    finished: list[tuple[Experience, Record]],
    done: Callable[[], None],
    say: Callable[[str], None],
) -> Iterator[tuple[Experience, str | None]]:
    """Yield each experience with what is wrong with its best model, in words, or None.

    The data are loaded once for all experiences of which ``load_data`` reads the same parameters.
    Models are loaded in Keras's safe mode, which refuses a model that brings code of its own.

    Args:
        space: gives the data of the validation.
        finished: the experiences to evaluate, with their records.
        done: is called after each experience.
        say: is told what the user should know of the data.
    """
    left = finished
    while left:
        loaded = load_here(space, NotedParameters(left[0][1].parameters))
        others = []
        for experience, record in left:
            # What is made of a stream may read more of the parameters.
            if not fits(loaded.parameters.read(), record.parameters):
                others.append((experience, record))
                continue
            batch_size = record.parameters["batch_size"]
            validation = make_batch_source(loaded.data[1], False, batch_size, record.seed, say)
            yield experience, _find_difference(space, experience, record, validation)
            keras.utils.clear_session()
            done()
        left = others


def _find_difference(
    space: SearchSpace, experience: Experience, record: Record, validation: BatchSource
) -> str | None:
    try:
        metrics = _evaluate_model(experience.meilleur, validation)
        row = _row_of_best_epoch(experience, record)
        logged = {
            name: float(row.get(f"val_{name}") or "nan")
            for name, value in metrics.items()
            if isinstance(value, float)
        }
    except Exception as error:  # noqa: BLE001 # anybody's files, with layers of the user's
        where = error_in_file(error, space.source.path)
        return f"meilleur.model.keras cannot be loaded and evaluated: {where}"
    for name, value in logged.items():
        if not math.isclose(metrics[name], value, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            return (
                f"meilleur.model.keras gives {name} {metrics[name]:.6g}, "
                f"where log.csv has val_{name} {value:.6g}"
            )
    return None


def _evaluate_model(model_file: Path, validation: BatchSource) -> dict[str, Any]:
    with hdf5.checked_model(model_file) as path:
        model = keras.models.load_model(path, safe_mode=True)
    steps.build(model, validation)
    steps.take_over(model, validation, validation, lambda: validation.count)
    model.test_function.begin()
    metrics: dict[str, Any] = model.evaluate(validation.numbers, verbose=0, return_dict=True)
    return metrics


def _row_of_best_epoch(experience: Experience, record: Record) -> dict[str, str]:
    log = io.StringIO(plain_files.read(experience.log).decode(), newline="")
    epoch = record.outcome.epoch if record.outcome and record.outcome.epoch else 0
    return list(csv.DictReader(log))[epoch]
