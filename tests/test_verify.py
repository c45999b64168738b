"""An fsck: what is damaged is said, with what run does about it; and run does it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.bits import trained
from support.command import TOY, Running, python, run, sessions, sweep, table
from support.tiers import sampled
from sweep.experience.backup_files import PREVIOUS, WEIGHTS
from sweep.experience.folder import experiences_in
from sweep.experience.position import POSITION
from sweep.experience.record import State
from sweep.system.files import size_and_sha256

TRIALS = 3


WORDS = ("--trials", TRIALS, "--save-freq", 2, "--sampler", "random")


@pytest.fixture
def uncut(whole):
    return whole(*WORDS[1:])


@pytest.fixture
def cut(twins):
    """Return a root that was cut off in its first training, with two generations of backups."""

    def make(folder):
        Running(folder / "root", *WORDS, hold=2).held().kill_tree()

    return twins("cut for verify", make) / "root"


@pytest.fixture
def root(uncut, tmp_path):
    return copy(uncut, tmp_path)


def copy(root, tmp_path):
    subprocess.run(["cp", "-a", str(root), str(tmp_path / "root")], check=True)
    return tmp_path / "root"


def verify(root, *options):
    """Return the exit status and each line as (name, kind, text)."""
    done = sweep("verify", TOY, "--root", root, *options)
    assert "Traceback" not in done.stderr
    return done.returncode, [
        tuple(re.split(r"  +", line, maxsplit=2)) for line in done.stdout.splitlines()
    ]


def first(root):
    return next(experiences_in(root))


def test_where_all_is_well_each_experience_has_a_line_and_the_status_is_0(uncut):
    status, lines = verify(uncut, "--models")
    assert status == 0
    names = sorted({one.id for one in experiences_in(uncut)})
    assert [name for name, _, _ in lines] == [*names, "study", "models"]
    assert {kind for name, kind, _ in lines if name in names} == {"finished"}
    assert all(
        re.fullmatch(r"val_acc 0\.\d{4} \(epoch \d\)", text)
        for name, _, text in lines
        if name in names
    )
    assert lines[-2][1:] == ("well", f"{TRIALS} trials, as in the folders")
    assert lines[-1][1:] == ("well", f"{len(names)} loaded and evaluated")


def test_a_training_that_was_cut_off_says_where_and_is_well(cut):
    status, lines = verify(cut)
    assert status == 0
    assert [kind for _, kind, _ in lines] == ["cut_off", "well"]
    assert re.fullmatch(r"at epoch \d, batch \d", lines[0][2])


def edit_log(one):
    one.log.write_text(one.log.read_text().replace("0,", "0,9", 1))


def older_log(one):
    one.log.write_bytes(b"".join(one.log.read_bytes().splitlines(keepends=True)[:-1]))


def double(path):
    path.rename(path.with_name(f"{path.stem} (1){path.suffix}"))


def tear(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def lose_study(one):
    (one.path.parent / "study.journal").unlink()


def older_study(one):
    path = one.path.parent / "study.journal"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:9]))


def foreign_study(one):
    (one.path.parent / "study.journal").write_text('{"op_code": 99}\n')


def end_of_another(one):
    path = one.path.parent / "study.journal"
    text = re.sub(r'"values":\[0\.\d+\]', '"values":[0.999]', path.read_text())
    path.write_text(text)


# What is done to the first experience of a finished sweep, what verify says of it, and whether run
# must train it again.
DAMAGES = {
    "log.csv is missing": (
        lambda one: one.log.unlink(),
        "log.csv is missing: run puts it in place again",
        False,
    ),
    "log.csv was edited": (
        edit_log,
        "log.csv is not the one that the training ended with: run puts it",
        False,
    ),
    "log.csv is an old one": (
        older_log,
        "log.csv is not the one that the training ended with: run puts it",
        False,
    ),
    "the model is missing": (
        lambda one: one.meilleur.unlink(),
        "meilleur.model.keras is missing: trained again from",
        True,
    ),
    "the model is torn": (
        lambda one: tear(one.meilleur),
        "meilleur.model.keras is not the one that the training",
        True,
    ),
    "the model is doubled": (
        lambda one: double(one.meilleur),
        "meilleur.model.keras is missing: run puts it in place again",
        False,
    ),
    "the record is torn": (
        lambda one: tear(one.record),
        "experience.json is missing or torn: run writes it again",
        False,
    ),
    "the record is missing": (
        lambda one: one.record.unlink(),
        "experience.json is missing or torn: run writes it",
        False,
    ),
    "the study is an old one": (older_study, "run makes it again from the folders", False),
    "the study is of another version": (
        foreign_study,
        "run makes it again from the folders",
        False,
    ),
    "the study has another end": (end_of_another, "has another end of trial", False),
}


@pytest.mark.parametrize("harm", DAMAGES)
def test_a_damage_is_said_with_what_run_does_and_run_does_it(uncut, root, harm):
    spoil, says, is_trained_again = DAMAGES[harm]
    before = sessions(root)
    spoil(first(root))
    status, lines = verify(root)
    assert status == 1
    damaged = [(name, text) for name, kind, text in lines if kind == "damaged"]
    if "record" in harm:  # with the record, the end is gone that the study still has
        assert damaged.pop()[0] == "study"
    assert len(damaged) == 1, lines
    assert says in damaged[0][1]
    said = run(root, "--trials", TRIALS, "--sampler", "random")
    assert trained(root) == trained(uncut)
    assert table(root) == table(uncut)
    again = {name for name, number in sessions(root).items() if number != before.get(name)}
    assert again == ({first(root).id} if is_trained_again else set()) or "record" in harm
    if is_trained_again:
        assert f"{first(root).id}: meilleur.model.keras is " in said
    verify(root, "--repair")
    assert verify(root)[0] == 0


def test_a_study_that_is_lost_is_no_damage(root):
    lose_study(first(root))
    status, lines = verify(root)
    assert status == 0
    assert lines[-1][2].endswith("study.journal holds none yet: run makes it from the folders")


# test_resume.py proves all of them where backups are read.
HARMED = [
    (name, harm)
    for name in (WEIGHTS, POSITION, WEIGHTS + PREVIOUS, POSITION + PREVIOUS)
    for harm in ("missing", "torn")
]


@pytest.mark.parametrize(
    ("name", "harm"), sampled(HARMED, (POSITION, "torn"), (WEIGHTS, "missing"))
)
def test_both_generations_of_a_backup_are_looked_at_and_one_of_them_is_enough(
    uncut, cut, tmp_path, name, harm
):
    root = copy(cut, tmp_path)
    path = first(root).sauvegarde / name
    path.unlink() if harm == "missing" else tear(path)
    status, lines = verify(root)
    if harm == "torn":
        assert status == 1
        assert path.name in lines[0][2]
        assert verify(root, "--repair")[0] == 0
        assert (root / ".quarantine" / first(root).id / "sauvegarde" / name).exists()
    said = run(root, "--trials", TRIALS, "--sampler", "random")
    assert "resumes at epoch" in said
    assert "from the beginning" not in said
    assert trained(root) == trained(uncut)


def test_where_no_backup_is_whole_it_says_that_run_begins_from_the_beginning(uncut, cut, tmp_path):
    root = copy(cut, tmp_path)
    for path in first(root).sauvegarde.glob("*.h5*"):
        path.unlink()
    status, lines = verify(root)
    assert status == 1
    assert (
        lines[0][2] == "cut_off: none of its backups is whole: run begins again from the beginning"
    )
    assert (
        f"{first(root).id}: begins again from the beginning: none of its backups is whole"
        in run(root, "--trials", TRIALS, "--sampler", "random")
    )
    assert trained(root) == trained(uncut)


def test_what_is_foreign_is_named_and_moved_away_only_where_it_is_in_the_way(root):
    (root / "holiday").mkdir()
    one = first(root)
    (one.path / "notes.txt").write_text("what a user keeps in a folder is no matter")
    record = one.read()
    record.parameters["units"] = 99
    one.write(record)
    status, lines = verify(root)
    assert status == 1
    foreign = {name: text for name, kind, text in lines if kind == "foreign"}
    assert foreign["holiday"] == "is none of sweep's; run leaves it alone"
    assert "its search space and parameters do not give the name of its folder" in foreign[one.id]
    status, lines = verify(root, "--repair")
    assert (root / ".quarantine" / one.id / "experience.json").exists()
    assert [name for name, kind, _ in lines if kind == "foreign"] == ["holiday"]
    assert status == 1
    (root / "holiday").rmdir()
    assert verify(root)[0] == 0


def test_repair_moves_aside_what_it_takes_away_and_takes_back_an_end_that_cannot_be_kept(root):
    one = first(root)
    log = one.log.read_bytes()
    double(one.log)
    tear(one.meilleur)
    torn = one.meilleur.read_bytes()
    status, lines = verify(root, "--repair")
    aside = root / ".quarantine" / one.id
    assert (aside / "log (1).csv").read_bytes() == log
    assert (aside / "meilleur.model.keras").read_bytes() == torn
    assert one.log.read_bytes() == log
    assert one.state() is State.CUT_OFF
    assert lines[0][2].startswith("cut_off: its best model, of epoch ")
    assert status == 1


def test_a_model_that_does_not_give_its_row_is_found_by_evaluating_it(root):
    one, other = list(experiences_in(root))[:2]
    shutil.copyfile(other.meilleur, one.meilleur)
    record = one.read()
    record.outcome.model = size_and_sha256(one.meilleur)
    one.write(record)
    assert verify(root)[0] == 0, "its checksum alone is right"
    status, lines = verify(root, "--models")
    assert status == 1
    (damaged,) = [text for name, kind, text in lines if (name, kind) == (one.id, "damaged")]
    assert re.search(
        r"meilleur\.model\.keras gives (acc|loss) \d.*, where log\.csv has val_(acc|loss) \d",
        damaged,
    )


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        ("keras.layers.Lambda(lambda x: x[:, :10])", "Keras's safe mode loads no Lambda"),
        ("type('Mine', (keras.layers.Dense,), {})(10)", "Keras does not find the class Mine"),
    ],
)
def test_a_model_that_brings_code_is_not_loaded_and_is_no_damage(root, layer, why):
    one = first(root)
    code = f"""
import keras
model = keras.Sequential([keras.Input((64,)), {layer}])
model.compile("sgd", "mse", metrics=["acc"])
model.save({str(one.meilleur)!r})
"""
    assert python("-c", code, keras=True).returncode == 0
    record = one.read()
    record.outcome.model = size_and_sha256(one.meilleur)
    one.write(record)
    status, lines = verify(root, "--models")
    assert status == 0
    (unchecked,) = [text for name, kind, text in lines if (name, kind) == (one.id, "unchecked")]
    assert f"cannot be checked: {why}" in unchecked
    assert "register_keras_serializable" in unchecked
    assert lines[-1] == ("models", "well", "1 of 2 loaded and evaluated")


def test_the_best_model_is_not_named_where_it_is_missing(root):
    path = sweep("best", TOY, "--root", root).stdout.strip()
    Path(path).unlink()
    done = sweep("best", TOY, "--root", root)
    assert (done.returncode, done.stderr) == (
        1,
        f"sweep: {path} is missing: sweep run trains it again.\n",
    )
