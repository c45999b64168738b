"""A link, pipe, device or folder under a name of ours is never followed, waited for or emptied."""

import ast
import contextlib
import errno
import hashlib
import io
import os
import pickle
import shutil
import threading
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from rich.console import Console

from support.bits import assert_equal
from support.command import TOY, sweep
from support.folders import GONE
from support.stand_ins import SPACE, control
from support.tiers import sampled
from sweep.console import status
from sweep.console.progress import Progress
from sweep.errors import SweepError
from sweep.experience import backup_files, damage, position, resume_start
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.inventory import Inventory
from sweep.experience.snapshot_reader import SnapshotReader
from sweep.maintenance.findings import repair, verify_root
from sweep.maintenance.merge import find_others, merge
from sweep.search.study_check import compare_study
from sweep.space.source import find
from sweep.system import files, lent_files, plain_files
from sweep.system.files import move_to_quarantine, new_folder, write_whole
from sweep.system.plain_files import NotPlain
from sweep.training import hdf5
from sweep.training.protocol import Unsaved, Warned
from sweep.web import notebook, report

PACKAGE = Path(__file__).parent.parent / "sweep"
OF_EXPERIENCE = (
    "experience.json",
    "log.csv",
    "meilleur.model.keras",
    "pulse.json",
    "sauvegarde",
    "sauvegarde/latest.weights.h5",
    "sauvegarde/latest.weights.h5.bkp",
    "sauvegarde/training_metadata.json",
    "sauvegarde/training_metadata.json.bkp",
)
BEING_WRITTEN = (
    "experience.json.part",
    "log.csv.part",
    "next.model.keras",
    "sauvegarde/next.weights.h5",
    "sauvegarde/training_metadata.json.part",
)
OF_ROOT = (
    "study.journal",
    "study.journal.lock",
    "sweep.lock",
    "sweep.lock.json",
    "sweep.json",
    "sweep.json.part",
    "enqueued.json",
    "rapport",
    ".quarantine",
)
KINDS = {
    "a link to a file": lambda path, outside: path.symlink_to(outside / "notes.txt"),
    "a link to a folder": lambda path, outside: path.symlink_to(outside / "project"),
    "a link to nothing": lambda path, outside: path.symlink_to(outside / "new"),
    "a pipe": lambda path, outside: os.mkfifo(path),
    "a folder": lambda path, outside: (path / "more").mkdir(parents=True),
}
HANGS_S = 20


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    path = tmp_path_factory.mktemp("space") / "toy.py"
    path.write_text(SPACE)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory, space):
    """Return a root with a finished experience and one that was cut off."""
    root = tmp_path_factory.mktemp("made") / "root"
    control(root, space, trials=2)
    one = list(experiences_in(root))[-1]
    record = one.read()
    record.sessions[-1].process = GONE
    damage.withdraw_end(one, record)
    write_whole(one.heartbeat, b"{}")
    return root


@pytest.fixture
def root(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "root"))


@pytest.fixture
def outside(made, tmp_path):
    """Return a folder that is not sweep's, with files named like sweep's; it must stay as it is."""
    folder = tmp_path / "outside"
    one = list(experiences_in(made))[-1]
    shutil.copytree(one.path, folder / "project")
    shutil.copytree(one.sauvegarde, folder / "project", dirs_exist_ok=True)
    (folder / "project" / "notes.json").write_text("{}")
    (folder / "notes.txt").write_text("epoch,val_acc\n")
    before = content(folder)
    yield folder
    assert content(folder) == before


def content(folder):
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        for path in folder.rglob("*")
    }


def cut_off(root):
    return list(experiences_in(root))[-1]


def put(kind, path, outside):
    """Put something else in the place of a file."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    KINDS[kind](path, outside)


def look_at_all(root):
    sight = SnapshotReader(root, lambda text: None).look()
    list(status.status_lines(sight))
    notebook.as_html(sight)
    sight.rows()
    compare_study("toy", root / "study.journal", Inventory(root, "toy").trials())
    return list(verify_root(root, "toy"))


def run(root, space):
    """Run the sweep, and return the sentences it says, or the one that refuses."""
    try:
        return "\n".join(control(root, space, trials=2)[0])
    except (NotPlain, SweepError) as error:
        return str(error)


def others(names, folders=()):
    """Return each name with each kind of thing that is not its own."""
    return [
        (name, kind)
        for name in names
        for kind in KINDS
        if kind != "a folder" or name not in folders
    ]


@pytest.mark.timeout(HANGS_S)
@pytest.mark.parametrize(("name", "kind"), others(OF_EXPERIENCE, ["sauvegarde"]))
def test_run_moves_what_is_no_file_of_ours_aside_and_goes_on(root, outside, space, name, kind):
    one = cut_off(root)
    put(kind, one.path / name, outside)
    (found,) = [line for line in look_at_all(root) if line.name == one.id]
    assert found.kind == "damaged"
    assert f"{Path(name).name} is a " in found.text
    said = run(root, space)
    aside = root / ".quarantine" / one.id / name
    assert f"{one.path / name} is a " in said
    assert f"and is now {aside}" in said
    assert os.path.lexists(aside)
    assert Experience(one.path).state() == "finished"
    assert "has not made" not in " ".join(line.text for line in verify_root(root, "toy"))


@pytest.mark.timeout(HANGS_S)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BEING_WRITTEN)
def test_what_stands_where_a_file_is_being_written_is_not_written_into(
    root, outside, space, name, kind
):
    one = cut_off(root)
    put(kind, one.path / name, outside)
    look_at_all(root)
    run(root, space)
    assert Experience(one.path).state() == "finished"


@pytest.mark.timeout(HANGS_S)
@pytest.mark.parametrize(("name", "kind"), others(OF_ROOT, ["rapport", ".quarantine"]))
def test_what_stands_in_the_root_is_refused_or_moved_aside(root, outside, space, name, kind):
    path = root / name
    put(kind, path, outside)
    found = look_at_all(root)
    said = run(root, space)
    if name not in ("study.journal", "sweep.json.part"):
        assert os.path.lexists(path) or name == "study.journal.lock"
    if name == "study.journal":
        assert f"{path} cannot be read, and is now {root / '.quarantine' / name}" in said
        assert path.is_file()
        assert not path.is_symlink()
    elif name not in ("rapport", ".quarantine", "sweep.json.part", "study.journal.lock"):
        assert str(path) in said
        assert [line.kind for line in found if line.name == name] == ["damaged"]


@pytest.mark.timeout(HANGS_S)
@pytest.mark.parametrize("kind", KINDS)
def test_repair_and_merge_do_not_follow_either(root, made, outside, space, kind):
    for name in (
        name for name, its_kind in others(OF_EXPERIENCE, ["sauvegarde"]) if its_kind == kind
    ):
        here = root.with_name(f"root {name.replace('/', ' ')}")
        shutil.copytree(made, here)
        one = cut_off(here)
        put(kind, one.path / name, outside)
        ours = here.with_name(f"{here.name} ours")
        ours.mkdir()
        told = list(merge(ours, find(str(space)), find_others(ours, [here]), True))
        assert len(told) == 2
        for finding in list(verify_root(here, "toy")):
            repair(finding, here)
        assert os.path.lexists(here / ".quarantine" / one.id / name)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "a folder"])
def test_an_experience_that_is_a_link_or_a_file_is_left_alone(root, outside, space, kind):
    place = root / "0123456789abcdef"
    put(kind, place, outside)
    found = look_at_all(root)
    (line,) = [line for line in found if line.name == place.name]
    assert line.kind == "foreign"
    said = run(root, space)
    assert f"{place} is a " in said
    assert "left alone" in said
    with pytest.raises(NotPlain, match="keeps a plain folder"):
        Experience(place).write(cut_off(root).read())


@pytest.mark.parametrize("name", ["rapport", "rapport/index.html", "rapport/courbes.png"])
def test_the_report_is_written_into_no_link(root, outside, space, name):
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).symlink_to(outside / ("project" if name == "rapport" else "notes.txt"))
    sight = SnapshotReader(root, lambda text: None).look()
    quiet = Progress(Console(file=io.StringIO()))
    with pytest.raises((SweepError, NotPlain), match="a symbolic link stands"):
        report.write_report("toy", sight, "en", quiet)


@pytest.mark.timeout(60)
def test_no_command_hangs_or_shows_a_traceback(root, outside):
    one = cut_off(root)
    put("a pipe", one.log, outside)
    put("a link to a folder", one.sauvegarde, outside)
    put("a pipe", root / "sweep.json", outside)
    for words in (("status",), ("results",), ("verify",), ("verify", "--repair"), ("best",)):
        done = sweep(words[0], TOY, "--root", root, *words[1:], timeout=HANGS_S)
        assert "Traceback" not in done.stderr
    done = sweep("run", TOY, "--root", root, timeout=HANGS_S)
    assert done.returncode == 1
    assert done.stderr.count("sweep: ") == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root makes devices")
def test_a_device_is_no_file_either(root, outside, space):
    one = cut_off(root)
    one.log.unlink()
    os.mknod(one.log, 0o600 | 0o020000, os.makedev(1, 5))  # zeros without an end
    look_at_all(root)
    assert "log.csv is a device that sweep has not made" in run(root, space)


LAID = ["sauvegarde", "log.csv", "meilleur.model.keras", "."]


@pytest.mark.parametrize("name", sampled(LAID, "sauvegarde"))
def test_a_link_that_is_laid_while_it_trains_is_not_followed(trainer, uncut, tmp_path, name):
    outside = tmp_path / "outside"
    (outside / "project").mkdir(parents=True)
    (outside / "project" / "latest.weights.h5").write_text("mine")
    (outside / "notes.txt").write_text("mine")
    before, root = content(outside), tmp_path / "root"
    experience = trainer.experience("mlp", root)

    def lay():
        reached = trainer.order.with_suffix(".reached")
        while not reached.exists():
            time.sleep(0.01)
        path = experience.path / name
        path.rename(root / "moved")
        path.symlink_to(outside / ("notes.txt" if path.suffix else "project"))
        reached.unlink()

    laying = threading.Thread(target=lay)
    laying.start()
    end = trainer("mlp", root, {"epoch": 1, "batch": 3, "wait": True})
    laying.join()
    assert content(outside) == before
    if name == ".":  # nothing can be saved in a folder that is none of ours
        assert "a symbolic link stands" in end.why, end
        assert "a symbolic link stands" in next(
            news.why for news in trainer.news if isinstance(news, Unsaved)
        )
        plain_files.remove(experience.path)
        (root / "moved").rename(experience.path)
        end = trainer("mlp", root)
    else:
        aside = root / ".quarantine" / experience.id / name
        assert aside.is_symlink()
        assert f"and is now {aside}" in " ".join(
            news.text for news in trainer.news if isinstance(news, Warned)
        )
    assert end.ending == "outcome", end
    assert content(outside) == before
    assert_equal(experience, uncut("mlp"))


def test_a_users_own_files_stay_where_they_are(root, space):
    one = cut_off(root)
    names = (
        *("experience_notes.json", "sauvegarde/notes.json", "sauvegarde/old.h5", "next.txt"),
        *("upload.part", "meilleur.model.old.keras", "log of mine (1).csv", "sauvegarde/next.md"),
    )
    for path in (one.path / name for name in names):
        path.write_text("mine")
    (root / "upload.part").write_text("mine")
    look_at_all(root)
    for finding in list(verify_root(root, "toy")):
        repair(finding, root)
    ours = root.with_name("ours")
    ours.mkdir()
    list(merge(ours, find(str(space)), find_others(ours, [root]), False))
    assert [(ours / one.id / name).read_text() for name in names] == ["mine"] * len(names)
    run(root, space)
    backup_files.free_backup(one, one.read())
    assert not (root / ".quarantine").exists()
    aside = resume_start.begin_anew(one)
    assert [(one.path / name).read_text() for name in names] == ["mine"] * len(names)
    assert (root / "upload.part").exists()
    assert not {path.name for path in aside.rglob("*")} & set(names)


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("latest.weights.h5", True),
        ("latest.weights (1).h5", True),
        ("latest.weights.h5 (12).bkp", True),
        ("latest.weights.h5.bkp", True),
        ("next.weights.h5", True),
        ("latest.weights.h5.old", False),
        ("latestXweights.h5", False),
        ("my latest.weights.h5", False),
        ("latest.weights.h5\n", False),
    ],
)
def test_the_names_of_ours_are_exact_but_for_what_a_drive_doubles(name, is_ours):
    assert bool(backup_files.WEIGHTS_FILES.fullmatch(name)) == is_ours


def test_a_folder_that_may_not_be_written_is_merged(root, space):
    one = cut_off(root)
    for folder in (one.path, one.sauvegarde):
        folder.chmod(0o555)
    ours = root.with_name("ours")
    ours.mkdir()
    list(merge(ours, find(str(space)), find_others(ours, [root]), False))
    assert (ours / one.id).stat().st_mode & 0o200
    assert (ours / one.id / "sauvegarde").stat().st_mode & 0o200
    for folder in (one.path, one.sauvegarde):
        folder.chmod(0o755)


# The files of weights: nothing that they say is elsewhere is read.


def of_keras(path):
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.arange(6.0).reshape(2, 3)
        file["layers/dense/vars/1"] = np.float32(1)
        file["layers/empty"] = np.zeros((0, 3))
        file["text"] = "a text"
        file.create_group("nothing").attrs["name"] = "of a layer"
        file["null"] = h5py.Empty("f")


def external(path, victim):
    with h5py.File(path, "a") as file:
        size = victim.stat().st_size
        file.create_dataset("poison/0", (size,), "uint8", external=[(str(victim), 0, size)])


def soft_link(path, victim):
    with h5py.File(path, "a") as file:
        file["poison/0"] = h5py.SoftLink("/layers/dense/vars/0")


def external_link(path, victim):
    of_keras(victim.with_suffix(".h5"))
    with h5py.File(path, "a") as file:
        file["poison"] = h5py.ExternalLink(str(victim.with_suffix(".h5")), "/layers")


def virtual(path, victim):
    of_keras(victim.with_suffix(".h5"))
    layout = h5py.VirtualLayout((2, 3), "float64")
    source = h5py.VirtualSource(str(victim.with_suffix(".h5")), "layers/dense/vars/0", (2, 3))
    layout[:] = source
    with h5py.File(path, "a") as file:
        file.create_virtual_dataset("poison/0", layout)


def bomb(path, victim):
    with h5py.File(path, "a") as file:
        file.create_dataset("poison/0", (2**40,), "uint8")


def chunks(path, victim):
    with h5py.File(path, "a") as file:
        file.create_dataset("poison/0", data=np.zeros(10**6), compression="gzip")


def committed_type(path, victim):
    with h5py.File(path, "a") as file:
        file["poison/0"] = np.dtype("f8")


def cycle(path, victim):
    with h5py.File(path, "a") as file:
        file["poison/0"] = file["layers"]


def torn(path, victim):
    path.write_bytes(path.read_bytes()[:-1000])


POISONS = [external, soft_link, external_link, virtual, bomb, chunks, committed_type, cycle, torn]


def test_what_keras_and_sweep_write_is_read(tmp_path):
    path = tmp_path / "latest.weights.h5"
    of_keras(path)
    assert hdf5.why_not_read(path) is None
    with hdf5.checked(path) as way, h5py.File(way) as file:
        assert file["layers/dense/vars/0"][1, 2] == 5.0


@pytest.mark.parametrize("poison", POISONS)
def test_a_file_of_weights_that_points_elsewhere_is_not_read(tmp_path, poison):
    victim, path = tmp_path / "secret", tmp_path / "latest.weights.h5"
    victim.write_text("secret " * 1000)
    of_keras(path)
    poison(path, victim)
    assert hdf5.why_not_read(path)
    with pytest.raises(hdf5.NotSelfContained, match="is not read"), hdf5.checked(path):
        pytest.fail("it is read")
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.write(path, "model.weights.h5")
    with (
        pytest.raises(hdf5.NotSelfContained, match="is not read"),
        hdf5.checked_model(tmp_path / "model.keras"),
    ):
        pytest.fail("it is loaded")


def test_a_poisoned_backup_is_set_aside_and_the_one_before_it_is_used(trainer, tmp_path):
    secret, root = tmp_path / "secret", tmp_path / "root"
    secret.write_text("secret " * 100)
    trainer("mlp", root, {"epoch": 2, "batch": 5})
    experience = trainer.experience("mlp", root)
    newest, before = list(backup_files.whole_backups(experience.sauvegarde))
    external(newest.weights, secret)
    digest = files.sha256_of(newest.weights)
    newest.metadata.write_bytes(position.as_text(newest.position, digest))
    assert next(backup_files.whole_backups(experience.sauvegarde)).weights == newest.weights
    assert trainer("mlp", root).ending == "outcome"
    (said,) = [
        one.text for one in trainer.news if isinstance(one, Warned) and "not read" in one.text
    ]
    assert "has its data of /poison/0 elsewhere, so it is not read, and is now " in said
    session = experience.read().sessions[-1]
    assert (session.epoch, session.batch) == (before.position.epoch, before.position.batch)
    for path in experience.path.rglob("*"):
        assert not path.is_file() or b"secret secret" not in path.read_bytes(), path


# The module by which all of this is done.


@pytest.fixture(params=["with /proc", "without /proc"])
def proc(request, monkeypatch):
    if request.param == "without /proc":

        def readlink(path):
            raise FileNotFoundError(path)

        monkeypatch.setattr(os, "readlink", readlink)


def test_a_link_on_the_way_is_not_followed(proc, tmp_path):
    (tmp_path / "real" / "folder").mkdir(parents=True)
    (tmp_path / "real" / "folder" / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    path = tmp_path / "link" / "folder" / "file"
    beside = tmp_path / "real" / "folder" / "beside"
    beside.write_text("mine")
    before = content(tmp_path)
    for work in (
        lambda: plain_files.read(path),
        lambda: plain_files.status(path),
        lambda: write_whole(path, b"x"),
        lambda: plain_files.remove(path),
        lambda: plain_files.replace(path, beside),
        lambda: plain_files.replace(beside, path),
        lambda: plain_files.rename(path, beside),
        lambda: plain_files.make_folder(path.with_name("new")),
        lambda: plain_files.changing(path),
        lambda: move_to_quarantine(path, tmp_path / "link"),
    ):
        with pytest.raises(NotPlain, match="link: a symbolic link stands where"):
            work()
    assert plain_files.kind_of(path) is None
    assert plain_files.contents(path.parent) == {}
    plain_files.remove_folder(path.parent)
    assert content(tmp_path) == before
    assert plain_files.read(beside) == b"mine"


def test_an_open_file_is_lent_whatever_stands_under_its_name_meanwhile(tmp_path):
    path, victim = tmp_path / "next.weights.h5", tmp_path / "victim"
    victim.write_text("mine")
    with plain_files.created(path) as file, lent_files.lent(file, path) as way:
        path.unlink()
        path.symlink_to(victim)
        assert way.name == path.name
        way.write_text("lent")
        assert file.read() == b"lent"
    assert victim.read_text() == "mine"
    assert not way.parent.exists()


def test_no_descriptor_is_left_open(tmp_path):
    there = Path("/proc/self/fd")
    before = len(list(there.iterdir()))
    (tmp_path / "link").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    for name in ("none", "link", "pipe", "link/none", "none/none", "file"):
        for work in (
            plain_files.read,
            plain_files.kind_of,
            plain_files.contents,
            plain_files.status,
            plain_files.make_folder,
            lambda path: write_whole(path / "x", b""),
            lambda path: write_whole(path, b""),
        ):
            with contextlib.suppress(OSError):
                work(tmp_path / name)
    assert len(list(there.iterdir())) == before


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.ENOTCONN])
def test_an_error_of_the_disk_is_told_as_that(tmp_path, monkeypatch, number):
    really = os.open

    def failing(path, flags, *args, **kwargs):
        if flags & os.O_CREAT:
            raise OSError(number, os.strerror(number), path)
        return really(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", failing)
    with pytest.raises(OSError, match=os.strerror(number)) as raised:
        write_whole(tmp_path / "file", b"x")
    assert raised.value.errno == number
    assert raised.value.filename == str(tmp_path / "file.part")


def test_the_refusal_comes_back_whole_from_another_process(tmp_path):
    os.mkfifo(tmp_path / "log.csv")
    with pytest.raises(NotPlain) as raised:
        plain_files.read(tmp_path / "log.csv")
    again = pickle.loads(pickle.dumps(raised.value))  # noqa: S301 # our own
    assert str(again) == f"{tmp_path}/log.csv: a pipe stands where sweep keeps a plain file"


def test_a_new_folder_replaces_what_was_left_of_one(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / ".new.part").symlink_to(tmp_path / "mine")
    with new_folder(tmp_path / "new") as folder:
        write_whole(folder / "file", b"x")
    assert (tmp_path / "new" / "file").exists()
    assert list((tmp_path / "mine").iterdir()) == []


# Who opens files by themselves, and why: none of it is below a root. Of some, only by these calls.
OWN = {
    "cli": "the standard streams",
    "search.warm_start": "the root of another sweep",
    "space.locating": "the user's search space, and his project",
    "space.own_modules": "the user's modules",
    "space.scaffold": "the user's search space",
    "space.source": "the user's search space",
    "system.gpu": "/dev",
    "system.host": "/proc, and the user's cache",
    "system.keras_backend": "the user's settings of Keras",
    "system.lent_files": "a private folder in memory or in /tmp",
    "system.output": "/dev/null",
    "system.plain_files": "this is where it is done",
    "testing": "/dev/null",
    "experience.ended_list": "the user's cache, and the times of files",
    "export.tensorboard_files": "a folder that the user names",
    "export.wandb_folders": "a folder that the user names",
    "training.certificate": "a folder of its own in /tmp",
    "training.data.kept_data": "the user's cache",
    "training.data.opened_files": "the user's data",
    "training.data.run_cache": "the user's cache",
    "training.data.tf_cache_lock": "the lock of a user's cache",
    "training.hdf5": "what plain_files has lent it",
}
ONLY = {
    "experience.folder": {"exists"},  # the root itself
    "experience.resume_start": {"rmdir"},  # an empty folder, and never a link
    "experience.root": {"mkdir"},  # the root itself
    "running.extension": {"exists"},  # whether the folder of an experience is there
    "search.direct_study": {"open", "replace"},  # a study, and no file
    "search.enqueued": {"is_file", "open", "read_bytes"},  # files that the user names
    "search.storage": {"exists"},  # the file of SQLite that an URL names
    "search.study_rebuild": {"open", "replace"},  # a study, and no file
    "space.search_space": {"open"},  # the project of the user's modules, and no file
    "sweep_view": {"is_dir"},  # whether there is a root
    "system.program": {"is_file"},  # whether sweep is on PATH, under the name of its script
}
OF_PATHS = {
    *("read_bytes", "read_text", "write_bytes", "write_text", "unlink", "rename", "rmdir", "touch"),
    *("glob", "rglob", "iterdir", "is_file", "is_dir", "exists", "stat", "lstat", "mkdir"),
    *("symlink_to", "hardlink_to", "chmod", "is_symlink", "open"),
}
OF_OS = {"open", "replace", "rename", "remove", "unlink", "stat", "scandir", "listdir", "mkdir"}
OF_OTHERS = {"save_weights", "load_weights", "save", "load_model", "read_csv", "File"}
# Who gives these a path that ``lent_files`` has made, or that of a folder of its own.
LENT = {
    *("best_trial", "training.saving.held_model", "training.saving.backup_writer"),
    *("training.evaluate", "training.certificate", "training.hdf5"),
    *("training.state.arrays_file", "training.state.model_variables"),
    "training.state.training_state",
}
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in PACKAGE.rglob("*.py")
)


def calls(module):
    for node in ast.walk(ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
            yield owner, node.func.attr, node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield "", f"{node.func.id}()", node


def opens(module):
    """Yield the name and the line of each call by which a module touches a file by its path."""
    for owner, name, node in calls(module):
        by_os = owner in ("os", "shutil") and name in OF_OS | {"rmtree", "copyfile", "copytree"}
        is_path = owner not in ("plain_files", "archive", "os", "opening")
        by_path = is_path and name in OF_PATHS and (node.args or name != "rename")
        by_replace = is_path and name == "replace" and len(node.args) == 1
        by_others = owner != "self" and name in OF_OTHERS and module not in LENT
        if by_os or by_path or by_replace or by_others or name == "open()":
            yield name, node.lineno


@pytest.mark.parametrize("module", MODULES)
def test_no_other_module_opens_files_by_itself(module):
    found = [(name, line) for name, line in opens(module) if name not in ONLY.get(module, ())]
    assert module in OWN or found == []


def test_who_is_let_open_files_needs_it():
    assert [module for module in OWN if not list(opens(module))] == []
    assert {module: {name for name, _ in opens(module)} for module in ONLY} == ONLY
