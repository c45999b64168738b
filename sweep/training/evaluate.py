"""The best models of finished experiences, evaluated and compared with the rows of their logs."""

import csv
import io
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras

from sweep.experience.folder import Experience
from sweep.experience.log_csv import LACKING
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
# What Keras says of code in a model, which its safe mode does not run, and of a class or a function
# that it does not find because nothing has registered it.
IS_CODE = re.compile(r"deserialization of a (`Lambda` layer|Python lambda)")
IS_UNKNOWN = re.compile(r"Could not locate (class|function) '([^']+)'")


class Uncheckable(Exception):  # no error of a model, nor of the program
    """Keras's safe mode does not load a model; the message says why and what to do."""


def evaluate(
    space: SearchSpace,
    finished: list[tuple[Experience, Record]],
    done: Callable[[], None],
    say: Callable[[str], None],
) -> Iterator[tuple[Experience, str, str]]:
    """Yield each experience with the state of its best model: well, unchecked or damaged, and why.

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
            yield experience, *_judge(space, experience, record, validation)
            keras.utils.clear_session()
            done()
        left = others


def _judge(
    space: SearchSpace, experience: Experience, record: Record, validation: BatchSource
) -> tuple[str, str]:
    try:
        wrong = _find_difference(space, experience, record, validation)
    except Uncheckable as why:
        return "unchecked", f"meilleur.model.keras cannot be checked: {why}"
    return ("damaged", wrong) if wrong else ("well", "")


def _find_difference(
    space: SearchSpace, experience: Experience, record: Record, validation: BatchSource
) -> str | None:
    try:
        metrics = _evaluate_model(experience.meilleur, validation)
        row = _row_of_best_epoch(experience, record)
        logged = {
            name: float(row[f"val_{name}"])
            for name, value in metrics.items()
            if isinstance(value, float) and row.get(f"val_{name}", LACKING) != LACKING
        }
    except Exception as error:  # anybody's files, with layers of the user's
        if why := _why_not_loaded(error, space.source.path):
            raise Uncheckable(why) from error
        where = error_in_file(error, space.source.path)
        return f"meilleur.model.keras cannot be loaded and evaluated: {where}"
    for name, value in logged.items():
        if not math.isclose(metrics[name], value, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            return (
                f"meilleur.model.keras gives {name} {metrics[name]:.6g}, "
                f"where log.csv has val_{name} {value:.6g}"
            )
    return None


def _why_not_loaded(error: Exception, path: Path) -> str | None:
    """Return why Keras does not load a model that may be well, and what to do; else None."""
    if IS_CODE.search(str(error)):
        return (
            "Keras's safe mode loads no Lambda, which is code in the file; write a layer or a "
            f'function of its own at the top level of {path.name}, under "import keras" and '
            "@keras.saving.register_keras_serializable()"
        )
    if unknown := IS_UNKNOWN.search(str(error)):
        kind, name = unknown.groups()
        return (
            f"Keras does not find the {kind} {name}; define it at the top level of {path.name}, "
            'under "import keras" and @keras.saving.register_keras_serializable()'
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
