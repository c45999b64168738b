"""The study that the Optuna dashboard shows: made from the folders, with notes and files."""

import io
import json
import re
import string
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import SweepError
from sweep.experience.folder import Experience
from sweep.experience.record import ID
from sweep.experience.snapshot import Snapshot
from sweep.experience.trials import TrialRecord, check_numbers, trials_by_number
from sweep.experience.views import TrainingView
from sweep.search.optuna_adapter import storage_of, study_id, trial_id
from sweep.search.trial_conversion import directions_of, frozen_of, notes_of, values_by_epoch
from sweep.space.objectives import Objective
from sweep.system import plain_files
from sweep.web.curves import Line, curves_of
from sweep.web.texts import texts_in
from sweep.wording import printable

# The attributes in which optuna-dashboard looks for the files and the note of a trial. Those of a
# trial that has ended are closed, so its files are attributes of the study then.
FILE = "artifacts:{file}"
FILES_OF_TRIAL = "dashboard:artifacts:{trial}:{file}"
NOTE_OF_TRIAL = "dashboard:{trial}:note_ver"
TEXT_OF_NOTE = "dashboard:{trial}:note_str:{part}"
MOST_DETAILED = 1000  # trials
MOST_NOTES, MOST_STEPS = 500, 500_000
LONGEST_CELL = 60  # characters
MARKUP = frozenset(string.punctuation) - frozenset(".,")
CHARACTERS_OF_PART = 2000  # of a note, in one attribute
LOG, PICTURE = "0", "1"
# The name and the type of each file that the dashboard shows.
FILES = {PICTURE: ("courbe.png", "image/png"), LOG: ("log.csv", "text/csv")}


def study_of_folders(name: str, snapshot: Snapshot, number_of_study: int = 0) -> optuna.Study:
    """Return a study in memory with all trials that the folders know.

    A running trial has the epochs of its log as intermediate values. Of very many trials, only the
    best have their epochs and what is noted of their sessions: see ``left_out``.

    Args:
        name: of the study.
        snapshot: of the sweep.
        number_of_study: the number of the study in its storage, from 0.

    Raises:
        SweepError: a trial has a number far beyond that of the others.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.InMemoryStorage()
    for _ in range(number_of_study):
        storage.delete_study(storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE]))
    study = optuna.create_study(
        study_name=name, directions=directions_of(snapshot.objectives), storage=storage
    )
    trainings = {training.experience.id: training for training in snapshot.trainings}
    trials = trials_by_number(
        (training.experience, training.record) for training in snapshot.trainings
    )
    check_numbers(trials)
    detailed = {trial.number for trial in snapshot.ranked[:MOST_DETAILED]}
    for number in range(max(trials, default=-1) + 1):
        trial = trials.get(number)
        if not trial:
            study.add_trial(_lost("its folder is missing"))
            continue
        frozen = _frozen(trial, trainings[trial.experience.id], snapshot.objectives)
        if number not in detailed and frozen.state is not TrialState.RUNNING:
            frozen.user_attrs = {"id_experience": trial.experience.id}
            frozen.intermediate_values = {}
        study.add_trial(frozen)
    annotate(study, trials, snapshot)
    return study


def left_out(trials: int) -> str:
    """Return in a sentence what the page leaves out of very many trials, or ""."""
    if trials <= MOST_DETAILED:
        return ""
    return (
        f"the page has the values and parameters of all {trials:,} trials, the learning curves of "
        f"the best {MOST_DETAILED:,}, and the notes and files of the best {notes_shown(trials)}"
    )


def notes_shown(trials: int) -> int:
    """Return of how many of the best trials the dashboard shows the note and the files.

    For each trial that it sends, it goes through all notes.
    """
    return min(MOST_NOTES, MOST_STEPS // max(trials, 1))


def annotate(study: optuna.Study, trials: Mapping[int, TrialRecord], snapshot: Snapshot) -> None:
    """Give the best trials their files and a note that links to their folders.

    A note that a user has written there stays.

    Args:
        study: in memory, or the one of the sweep.
        trials: those that have a folder, by number.
        snapshot: tells which of them have trained an epoch, and so have a log and a curve.
    """
    best = {trial.number for trial in snapshot.ranked[: notes_shown(len(trials))]}
    with_files = {training.experience.id for training in snapshot.trainings if training.curve}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names([objective.name for objective in snapshot.objectives])
    storage, number_of_study = storage_of(study), study_id(study)
    present = storage.get_study_system_attrs(number_of_study)
    for trial in study.get_trials(deepcopy=False):
        record, id_in_storage = trials.get(trial.number), trial_id(trial)
        if not record or trial.number not in best:
            continue
        attributes = _note_attributes(record, id_in_storage)
        if NOTE_OF_TRIAL.format(trial=id_in_storage) in present:
            attributes = {}
        if record.experience.id in with_files:
            for file, meta in _files_of(record.experience.id).items():
                if FILE.format(file=file) not in trial.system_attrs:
                    key = FILES_OF_TRIAL.format(trial=id_in_storage, file=file)
                    attributes |= {} if key in present else {key: meta}
        for key, value in attributes.items():
            storage.set_study_system_attr(number_of_study, key, value)


class TrialFiles:
    """The files of the trials, read from their folders on request; nothing is written or removed.

    It is an artifact store of Optuna.

    Args:
        root: of the sweep.
        look: returns a snapshot of the sweep.
    """

    def __init__(self, root: Path, look: Callable[[], Snapshot]) -> None:
        self._root, self._look = root, look

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Return ``log.csv``, or the picture of the learning curve among the others.

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
        """Remove nothing: the folders stay when their study is deleted."""


def curve_png(snapshot: Snapshot, id_experience: str) -> bytes:
    """Return the learning curve of one experience among the others, as PNG.

    Raises:
        FileNotFoundError: there is no such experience, or it has no epoch yet.
    """
    from sweep.web import matplotlib_figures

    training = next(
        (
            training
            for training in snapshot.trainings
            if training.experience.id == id_experience and training.curve
        ),
        None,
    )
    if not training:
        raise FileNotFoundError(id_experience)
    line = Line(training.trial, id_experience, str(training.state), training.curve, is_grey=False)
    view, texts = replace(curves_of(snapshot), best=line), texts_in(None)
    name = f"{texts.trial} {training.trial}"
    texts = replace(texts, curves=f"{name} {id_experience}", best=name)
    return matplotlib_figures.png(lambda: matplotlib_figures.curves(view, texts), texts)


def _frozen(
    trial: TrialRecord, training: TrainingView, objectives: tuple[Objective, ...]
) -> FrozenTrial:
    """Return a trial for the study; one whose folder cannot be read has failed and says why."""
    if training.curve and tuple(trial.record.objectives) != objectives:
        return _lost("it was trained for another MONITOR than the others")
    try:
        frozen = frozen_of(trial, training.curve)
    except (SweepError, OSError) as error:  # one folder that cannot be read hides no other
        return _lost(str(error))
    frozen.user_attrs.pop("pruner", None)  # the memory of a pruner, which says nothing to a reader
    if frozen.state is TrialState.RUNNING:
        frozen.intermediate_values = values_by_epoch(training.curve, objectives)
        frozen.user_attrs |= notes_of(trial)
    if training.curve:
        files = _files_of(trial.experience.id)
        frozen.system_attrs |= {FILE.format(file=file): meta for file, meta in files.items()}
    return frozen


def _files_of(id_experience: str) -> dict[str, str]:
    """Return the description of each file of an experience, by the id that ``TrialFiles`` takes."""
    descriptions = {}
    for kind, (filename, mimetype) in FILES.items():
        file = f"{id_experience}-{kind}"
        descriptions[file] = json.dumps(
            {"artifact_id": file, "filename": filename, "mimetype": mimetype, "encoding": None}
        )
    return descriptions


def _lost(reason: str) -> FrozenTrial:
    return optuna.trial.create_trial(state=TrialState.FAIL, user_attrs={"reason": reason})


def _note_attributes(trial: TrialRecord, id_in_storage: int) -> dict[str, Any]:
    """Return the attributes of the study that hold the note of a trial."""
    text = _note(trial)
    attributes: dict[str, Any] = {NOTE_OF_TRIAL.format(trial=id_in_storage): 1}
    for part, start in enumerate(range(0, len(text), CHARACTERS_OF_PART)):
        key = TEXT_OF_NOTE.format(trial=id_in_storage, part=part)
        attributes[key] = text[start : start + CHARACTERS_OF_PART]
    return attributes


def _note(trial: TrialRecord) -> str:
    """Return the note in Markdown: a link to the folder, and a table of the parameters."""
    id_experience = trial.experience.id
    rows = [
        f"| {_plain(name)} | {_plain(value)} |" for name, value in trial.record.parameters.items()
    ]
    link = f"[the folder of {id_experience}](/experiences/{id_experience}/)"
    return "\n".join([link, "", "| parameter | value |", "|---|---|", *rows])


def _plain(value: object) -> str:
    """Return a value as a cell in Markdown, of which nothing is taken for markup or for HTML."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(printable(text).split())
    text = text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"
    return "".join(f"&#{ord(sign)};" if sign in MARKUP else sign for sign in text)
