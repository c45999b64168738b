"""The newest whole backup is found, whenever the cut came and whatever was torn. No Keras here."""

import errno
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from support.folders import write_backup
from sweep.experience import backup_files, best_model, resume_start
from sweep.experience.backup_files import newest_position, read_record, whole_backups
from sweep.experience.entries import TrialEntry
from sweep.experience.folder import Experience
from sweep.experience.log_csv import BestEpoch, LogUnreadable
from sweep.experience.position import POSITION, Position
from sweep.experience.record import Record
from sweep.experience.resume_start import Start

LOG = "epoch,acc,loss,val_acc,val_loss\r\n0,0.5,1.0,0.25,1.5\r\n1,0.6,0.9,0.75,1.4\r\n"


class Cut(BaseException):
    """Stands for a SIGKILL between two file operations."""


def position(number):
    return Position(
        number, number * 2, False, LOG, {"loss": 0.5}, {"variables": [number]}, "2026-01-01"
    )


def save(sauvegarde, number):
    write_backup(sauvegarde, position(number), b"weights %d " % number * 50)


def newest_backup(sauvegarde):
    return next(whole_backups(sauvegarde), None)


def make_ready(experience):
    """Return the backup that a training goes on from."""
    return resume_start.make_ready(experience).backup


def write_model(path, best):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", b"best" * 1000)
    best_model.label(path, best)


def found(sauvegarde):
    backup = newest_backup(sauvegarde)
    if backup is None:
        return None
    assert backup.weights.read_bytes() == b"weights %d " % backup.position.epoch * 50
    assert backup.position == position(backup.position.epoch)
    return backup.position.epoch


@pytest.fixture
def experience(tmp_path):
    experience = Experience(tmp_path / "0123456789abcdef")
    save(experience.sauvegarde, 1)
    save(experience.sauvegarde, 2)
    experience.log.write_text(LOG, newline="")
    write_model(experience.meilleur, BestEpoch(0.75, 1))
    return experience


def test_the_two_newest_are_kept(experience):
    assert found(experience.sauvegarde) == 2
    names = {path.name for path in experience.sauvegarde.iterdir()}
    assert names == {
        backup_files.WEIGHTS,
        POSITION,
        backup_files.WEIGHTS + ".bkp",
        POSITION + ".bkp",
    }
    (experience.sauvegarde / backup_files.WEIGHTS).unlink()
    assert found(experience.sauvegarde) == 1


@pytest.mark.parametrize("step", range(1, 9))
def test_a_save_cut_before_any_of_its_steps_leaves_a_whole_backup(experience, monkeypatch, step):
    steps = []

    def cut_before(operation):
        def call(*args, **kwargs):
            steps.append(operation)
            if len(steps) == step:
                raise Cut
            return operation(*args, **kwargs)

        return call

    monkeypatch.setattr(os, "replace", cut_before(os.replace))
    monkeypatch.setattr(os, "fsync", cut_before(os.fsync))
    try:
        save(experience.sauvegarde, 3)
    except Cut:
        assert len(steps) == step
    else:
        assert len(steps) == 6, "the number of steps changed: so must the range of this test"
    monkeypatch.undo()
    assert found(experience.sauvegarde) in (2, 3)
    make_ready(experience)
    assert found(experience.sauvegarde) in (2, 3)
    save(experience.sauvegarde, 4)
    assert found(experience.sauvegarde) == 4


@pytest.mark.parametrize("name", [backup_files.WEIGHTS, POSITION])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
def test_a_torn_file_leaves_the_backup_before_it_and_does_no_harm_to_the_next(
    experience, name, part
):
    path = experience.sauvegarde / name
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    assert found(experience.sauvegarde) == 1
    assert make_ready(experience).position.epoch == 1
    save(experience.sauvegarde, 5)
    assert found(experience.sauvegarde) == 5
    (experience.sauvegarde / backup_files.WEIGHTS).write_bytes(b"torn")
    assert found(experience.sauvegarde) == 1


def test_a_flipped_bit_is_seen(experience):
    path = experience.sauvegarde / POSITION
    path.write_bytes(path.read_bytes().replace(b'"batch": 4', b'"batch": 6'))
    assert found(experience.sauvegarde) == 1


def test_files_of_plain_keras_are_no_backup(experience):
    for path in experience.sauvegarde.iterdir():
        path.unlink()
    (experience.sauvegarde / backup_files.WEIGHTS).write_bytes(b"weights")
    (experience.sauvegarde / POSITION).write_text('{"epoch": 3, "batch": 7}')
    assert newest_backup(experience.sauvegarde) is None
    assert newest_position(experience.sauvegarde) is None
    assert make_ready(experience) is None


@pytest.mark.parametrize("length", [*range(0, len(LOG), 7), len(LOG)])
def test_a_log_torn_at_any_length_is_what_the_backup_knows_again(experience, length):
    experience.log.write_bytes(LOG.encode()[:length])
    make_ready(experience)
    assert experience.log.read_bytes() == LOG.encode()


def test_a_log_with_rows_too_many_is_cut_back_byte_for_byte(experience):
    experience.log.write_bytes(LOG.encode() + b"2,0.7,0.8,0.75,1.3\r\n3,0.")
    make_ready(experience)
    assert experience.log.read_bytes() == LOG.encode()


@pytest.mark.parametrize("header", ["a,b,c\r\n", "epoch,acc,auc,loss,val_acc,val_loss\r\n"])
def test_a_foreign_log_is_refused_and_left_alone(experience, header):
    experience.log.write_text(header + "0,1,2\r\n", newline="")
    with pytest.raises(LogUnreadable, match=r"log\.csv, line 1"):
        make_ready(experience)
    assert experience.log.read_text().startswith(header.strip())


LOST = "its best model, of epoch 1, is lost"


@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_a_torn_best_model_means_a_new_beginning_and_says_so(experience, part):
    content = experience.meilleur.read_bytes()
    experience.meilleur.write_bytes(content[: int(len(content) * part)])
    log = experience.log.read_bytes()
    backups = {path.name: path.read_bytes() for path in experience.sauvegarde.iterdir()}
    start = resume_start.make_ready(experience)
    assert start == Start(None, why_anew=LOST)
    assert newest_backup(experience.sauvegarde) is None
    aside = experience.path.parent / ".quarantine" / experience.id
    assert start.moved_to == aside, "whole backups are not deleted"
    assert {path.name: path.read_bytes() for path in (aside / "sauvegarde").iterdir()} == backups
    assert (aside / "log.csv").read_bytes() == log


@pytest.mark.parametrize("torn", [True, False])
def test_where_only_positions_are_lost_nothing_else_is(experience, torn):
    for path in experience.sauvegarde.glob("*.json*"):
        path.write_bytes(path.read_bytes()[:50]) if torn else path.unlink()
    kept = [*experience.sauvegarde.iterdir(), experience.log, experience.meilleur]
    before = {path: path.read_bytes() for path in kept}
    start = resume_start.make_ready(experience)
    why = "none of its backups is whole" if torn else "its training_metadata.json is missing"
    assert (start.backup, start.why_anew) == (None, why)
    root = experience.path.parent
    aside = {path: root / ".quarantine" / path.relative_to(root) for path in kept}
    assert {path: aside[path].read_bytes() for path in kept} == before


def test_the_best_model_of_an_earlier_epoch_is_seen_for_what_it_is(experience):
    """On a drive that kept an old version, the log and the model would be of two trainings."""
    write_model(experience.meilleur, BestEpoch(0.25, 0))
    assert resume_start.make_ready(experience) == Start(None, why_anew=LOST)


def test_the_backup_before_the_lost_best_model_goes_on_from_there(experience):
    """The epoch of the lost model is trained again, and makes it again."""
    first = LOG.encode().splitlines(keepends=True)
    write_backup_of(experience.sauvegarde, 1, b"".join(first[:2]).decode())
    write_backup_of(experience.sauvegarde, 2, LOG)
    write_model(experience.meilleur, BestEpoch(0.25, 0))
    backup = make_ready(experience)
    assert backup.position.epoch == 1
    assert experience.log.read_bytes() == b"".join(first[:2])


def write_backup_of(sauvegarde, number, log):
    write_backup(sauvegarde, replace(position(number), log=log), b"weights %d " % number * 50)


def test_a_best_model_of_an_epoch_after_the_backup_will_do(experience):
    write_model(experience.meilleur, BestEpoch(0.9, 2))
    assert make_ready(experience).position.epoch == 2


@pytest.mark.parametrize("old", [None, BestEpoch(0.25, 0)])
def test_a_doubled_best_model_is_known_by_its_label_and_put_in_place(experience, old):
    experience.meilleur.rename(experience.path / "meilleur.model (1).keras")
    if old:
        write_model(experience.meilleur, old)
    assert make_ready(experience).position.epoch == 2
    assert best_model.read_label(experience.meilleur) == BestEpoch(0.75, 1)


@pytest.mark.parametrize("name", [backup_files.WEIGHTS, POSITION])
@pytest.mark.parametrize("old", [None, "that of the backup before"])
def test_a_doubled_backup_is_known_by_its_checksum(experience, name, old):
    path = experience.sauvegarde / name
    path.rename(path.with_name(f"{path.stem} (1){path.suffix}"))
    if old:
        path.write_bytes(path.with_name(name + backup_files.PREVIOUS).read_bytes())
    assert make_ready(experience).position.epoch == 2
    assert found(experience.sauvegarde) == 2


RECORD = Record(
    "0123456789abcdef",
    {"name": "toy", "fingerprint": {}},
    {"epochs": 2, "seed": 0},
    0,
    1,
    [TrialEntry(number=7)],
)


@pytest.mark.parametrize("torn", [None, b"", b"[]", b'{"id_exp'])
def test_a_record_that_is_lost_is_read_from_the_newest_backup(experience, torn):
    write_backup(experience.sauvegarde, replace(position(3), record=RECORD.as_content()))
    if torn is not None:
        experience.record.write_bytes(torn)
    assert experience.read() is None
    assert read_record(experience) == RECORD


def test_of_a_doubled_record_the_one_that_knows_most_counts(experience):
    experience.write(RECORD)
    experience.record.rename(experience.path / "experience (1).json")
    assert experience.read() == RECORD
    longer = replace(RECORD, trials=[*RECORD.trials, TrialEntry(number=8)])
    experience.write(longer)
    assert experience.read() == longer
    experience.record.rename(experience.path / "experience (2).json")
    experience.record.write_bytes(RECORD.as_json())
    assert experience.read() == longer
    experience.write(RECORD)
    assert experience.read() == RECORD, "what is written counts from then on"
    assert (experience.path.parent / ".quarantine" / experience.id / "experience (2).json").exists()


@pytest.mark.parametrize(
    "name", ["training_metadata.json", "latest.weights.h5", "meilleur.model.keras"]
)
def test_a_file_that_cannot_be_read_is_not_taken_for_torn(experience, monkeypatch, name):
    """On a drive that is gone for a moment, a new beginning would throw the backups away."""

    def refuse(operation):
        def call(path, *args, **kwargs):
            if Path(path).name == name:
                raise OSError(errno.EIO, "Input/output error", str(path))
            return operation(path, *args, **kwargs)

        return call

    before = {path: path.read_bytes() for path in experience.path.rglob("*") if path.is_file()}
    monkeypatch.setattr(os, "open", refuse(os.open))
    monkeypatch.setattr(zipfile, "ZipFile", refuse(zipfile.ZipFile))
    with pytest.raises(OSError, match="Input/output error"):
        make_ready(experience)
    monkeypatch.undo()
    assert before == {
        path: path.read_bytes() for path in experience.path.rglob("*") if path.is_file()
    }


def test_what_was_being_written_when_the_cut_came_is_removed(experience):
    leftovers = [
        experience.path / name
        for name in ("next.model.keras", "experience.json.part", "log.csv.part")
    ]
    leftovers += [
        experience.sauvegarde / name for name in ("next.weights.h5", "training_metadata.json.part")
    ]
    for path in leftovers:
        path.write_bytes(b"torn")
    make_ready(experience)
    assert [path for path in leftovers if path.exists()] == []
    assert found(experience.sauvegarde) == 2
