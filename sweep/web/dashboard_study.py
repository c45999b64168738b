"""What the Optuna dashboard shows of a sweep: a study made from the folders, with notes and files of its trials."""

import io
import json
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import SweepError
from sweep.experience.folder import Experience
from sweep.experience.record import ID
from sweep.experience.snapshot import Snapshot, TrainingView
from sweep.experience.trials import TrialRecord, check_numbers, known_trials
from sweep.search.optuna_adapter import storage_of, study_id, trial_id
from sweep.search.trial_conversion import directions, frozen_of, notes_of
from sweep.space.objectives import Objective
from sweep.system import plain_files
from sweep.web.curves import Line, curves_of
from sweep.web.texts import texts_in

# Where optuna-dashboard looks for the files of a trial: in it, and in its study, where it has ended already.
FILE = "artifacts:{file}"
FILES_OF_TRIAL = "dashboard:artifacts:{trial}:{file}"
NOTE_OF_TRIAL = "dashboard:{trial}:note_ver"
TEXT_OF_NOTE = "dashboard:{trial}:note_str:{part}"
MOST_NOTES = 500
MOST_OF_NOTE = 2000  # in one attribute
LOG, PICTURE = "0", "1"
FILES = {PICTURE: ("courbe.png", "image/png"), LOG: ("log.csv", "text/csv")}


def study_of_folders(name: str, sight: Snapshot, number_of_study: int = 0) -> optuna.Study:
    """Return a study in memory with all trials that the folders know, by number, the running ones with their latest epochs.

    Raises:
        SweepError: a trial has a number far beyond that of the others.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.InMemoryStorage()
    for _ in range(number_of_study):
        storage.delete_study(storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE]))
    study = optuna.create_study(study_name=name, directions=directions(sight.aims), storage=storage)
    trainings = {one.experience.id: one for one in sight.trainings}
    known = known_trials((one.experience, one.record) for one in sight.trainings)
    check_numbers(known)
    for number in range(max(known, default=-1) + 1):
        one = known.get(number)
        study.add_trial(
            _frozen(one, trainings[one.experience.id], sight.aims)
            if one
            else _lost("its folder is missing")
        )
    annotate(study, known, sight)
    return study


def annotate(study: optuna.Study, known: Mapping[int, TrialRecord], sight: Snapshot) -> None:
    """Give the best trials a note that links to their folders, and their files; what somebody has written there stays.

    Args:
        study: in memory, or the one of the sweep.
        known: the trials that have a folder, by number.
        sight: tells which of them have an epoch, and so a log and a curve.
    """
    # For each trial that it sends, the dashboard goes through all that a study has been given: the best have to do.
    best = {row["trial"] for row in sight.rows()[:MOST_NOTES]}
    trained = {one.experience.id for one in sight.trainings if _has_files(one)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names([aim.name for aim in sight.aims])
    storage, number_of_study = storage_of(study), study_id(study)
    there = storage.get_study_system_attrs(number_of_study)
    for trial in study.get_trials(deepcopy=False):
        one, at = known.get(trial.number), trial_id(trial)
        if not one or trial.number not in best:
            continue
        if NOTE_OF_TRIAL.format(trial=at) not in there:
            text = _note(one)
            parts = [
                text[start : start + MOST_OF_NOTE] for start in range(0, len(text), MOST_OF_NOTE)
            ]
            storage.set_study_system_attr(number_of_study, NOTE_OF_TRIAL.format(trial=at), 1)
            for part, content in enumerate(parts):
                storage.set_study_system_attr(
                    number_of_study, TEXT_OF_NOTE.format(trial=at, part=part), content
                )
        for file, meta in (
            _files_of(one.experience.id).items() if one.experience.id in trained else ()
        ):
            key = FILES_OF_TRIAL.format(trial=at, file=file)
            if key not in there and FILE.format(file=file) not in trial.system_attrs:
                storage.set_study_system_attr(number_of_study, key, meta)


class TrialFiles:
    """The files of the trials, read from their folders when they are asked for. Nothing is written, nothing removed.

    Args:
        root: of the sweep.
        look: returns what is there now.
    """

    def __init__(self, root: Path, look: Callable[[], Snapshot]) -> None:
        self._root, self._look = root, look

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Return the rows of ``log.csv``, or the picture of the learning curve among the others.

        Raises:
            FileNotFoundError: there is no such file.
        """
        name, _, kind = artifact_id.rpartition("-")
        experience = Experience(self._root / name)
        if (
            not re.fullmatch(ID, name)
            or kind not in FILES
            or not plain_files.is_file(experience.log)
        ):
            raise FileNotFoundError(artifact_id)
        if kind == LOG:
            return io.BytesIO(plain_files.read(experience.log))
        return io.BytesIO(curve_png(self._look(), name))

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        raise PermissionError("The files of a trial are those of its folder: put yours there.")

    def remove(self, artifact_id: str) -> None:
        """Remove nothing: where the study is deleted, its folders stay."""


def curve_png(sight: Snapshot, name: str) -> bytes:
    """Return the learning curve of one experience among the others, as PNG.

    Raises:
        FileNotFoundError: there is no such experience, or it has no epoch yet.
    """
    from sweep.web import matplotlib_figures

    one = next((one for one in sight.trainings if one.experience.id == name and one.curve), None)
    if not one:
        raise FileNotFoundError(name)
    found, said = curves_of(sight), texts_in(None)
    line = Line(one.trial, name, str(one.state), one.curve, is_grey=False)
    said = replace(
        said, curves=f"{said.trial} {one.trial} {name}", best=f"{said.trial} {one.trial}"
    )
    return matplotlib_figures.png(
        lambda: matplotlib_figures.curves(replace(found, best=line), said)
    )


def _frozen(known: TrialRecord, training: TrainingView, aims: tuple[Objective, ...]) -> FrozenTrial:
    if tuple(known.record.aims) != aims:
        return _lost("it was trained for another MONITOR than the others")
    try:
        frozen = frozen_of(known)
    except (SweepError, OSError) as error:  # one folder that cannot be read hides no other
        return _lost(str(error))
    frozen.user_attrs.pop("pruner", None)  # what a pruner has to remember
    if frozen.state is TrialState.RUNNING:
        frozen.intermediate_values = (
            dict(enumerate(training.curve)) if len(known.record.aims) == 1 else {}
        )
        frozen.user_attrs |= notes_of(known)
    if _has_files(training):
        frozen.system_attrs |= {
            FILE.format(file=file): meta for file, meta in _files_of(known.experience.id).items()
        }
    return frozen


def _has_files(training: TrainingView) -> bool:
    return bool(training.curve) and plain_files.is_file(training.experience.log)


def _files_of(name: str) -> dict[str, str]:
    """Return what the dashboard is told of the files of an experience, by the names that ``Files`` knows."""
    kinds = {f"{name}-{kind}": file for kind, file in FILES.items()}
    return {
        file: json.dumps(
            {"artifact_id": file, "filename": filename, "mimetype": mimetype, "encoding": None}
        )
        for file, (filename, mimetype) in kinds.items()
    }


def _lost(reason: str) -> FrozenTrial:
    return optuna.trial.create_trial(state=TrialState.FAIL, user_attrs={"reason": reason})


def _note(known: TrialRecord) -> str:
    record, path = known.record, known.experience.path
    return (
        f"**{known.experience.id}**: its folder is [`{path}`](/experiences/{known.experience.id}/)\n\n"
        f"    {json.dumps(record.parameters, ensure_ascii=False)}"  # a code block, which no parameter can end
    )
