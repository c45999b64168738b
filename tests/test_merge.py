"""Experiences that were trained elsewhere come in by their ids, and nothing is overwritten."""

import shutil

import pytest

from support.command import TOY, sweep
from support.folders import EPOCHS, Search
from support.trainer import SPACES
from sweep.errors import Misuse
from sweep.experience.backup_files import read_record
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.known_data import known_data
from sweep.experience.record import Outcome, State
from sweep.maintenance import merge as module
from sweep.maintenance.merge import find_others, merge
from sweep.space.source import SpaceSource, find
from sweep.system.files import size_and_sha256
from sweep.system.host import now, this_process

SOURCE = SpaceSource(SPACES / "toy.py", "import nothing")


def search(root, **how):
    return Search(root, "random", source=SOURCE, **how)


def merged(root, *others, accept_change=False):
    """Return what became of each experience of the others, by its id."""
    return {
        one.id_experience: one
        for one in merge(root, SOURCE, find_others(root, list(others)), accept_change)
    }


def content(root):
    return {
        path: path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name != "study.journal"
    }


def cut_off(search, epochs):
    """Begin a trial and cut it off after so many epochs.

    A second search of the same seed begins the same one.
    """
    trial, parameters = search.begin()
    values = [0.1 * epoch for epoch in range(epochs)]
    experience = search.write(trial, parameters, values)
    search.save(experience, values)
    return experience


def test_what_is_not_here_comes_in_under_the_next_numbers(tmp_path):
    ours, theirs = search(tmp_path / "ours").go_on(3), search(tmp_path / "theirs", seed=1).go_on(2)
    before = content(ours.root)
    found = merged(ours.root, theirs.root)
    assert [one.what for one in found.values()] == ["new here: trial 3", "new here: trial 4"]
    assert before.items() <= content(ours.root).items()
    known = ours.trials()
    assert sorted(known) == [0, 1, 2, 3, 4]
    assert known[3].entry.came_from == str(theirs.root)
    assert ours.study.difference(known) == "has no trial 3"
    ours.rebuild()
    assert ours.study.count_states() == {"finished": 5, "pruned": 0, "failed": 0}
    for name in found:
        there, here = (content(root / name) for root in (theirs.root, ours.root))
        assert names(there) == names(here)
        assert {path.name: text for path, text in there.items()}["log.csv"] == (
            ours.root / name / "log.csv"
        ).read_bytes()


def names(content):
    return sorted(path.name for path in content)


def test_equal_ones_are_compared_and_left_alone(tmp_path):
    ours, theirs = search(tmp_path / "ours").go_on(3), search(tmp_path / "theirs").go_on(3)
    before = content(ours.root)
    assert {one.what for one in merged(ours.root, theirs.root).values()} == {"equal to ours"}
    assert content(ours.root) == before


@pytest.mark.parametrize("name", ["log.csv", "meilleur.model.keras"])
def test_finished_ones_that_differ_are_told_and_ours_stays(tmp_path, name):
    ours, theirs = search(tmp_path / "ours").go_on(1), search(tmp_path / "theirs").go_on(1)
    (one,) = experiences_in(theirs.root)
    if name == "log.csv":
        one.log.write_text(one.log.read_text().replace(",0,0", ",0.5,0"))
    else:
        ours.write_model(one, [0.5])
    record = one.read()
    record.outcome.log, record.outcome.model = (
        size_and_sha256(one.log),
        size_and_sha256(one.meilleur),
    )
    one.write(record)
    before = content(ours.root)
    (found,) = merged(ours.root, theirs.root).values()
    assert found.what.startswith("differs from ours, which stays")
    assert content(ours.root) == before


@pytest.mark.parametrize(
    ("epochs_here", "epochs_there"), [(2, 5), (2, EPOCHS), (5, 2), (EPOCHS, 2)]
)
def test_the_one_further_on_wins_and_the_other_is_kept_aside(tmp_path, epochs_here, epochs_there):
    made = {}
    for name, epochs in (("ours", epochs_here), ("theirs", epochs_there)):
        made[name] = search(tmp_path / name)
        made[name].go_on(1) if epochs == EPOCHS else cut_off(made[name], epochs)
    ours, theirs = (made[name] for name in ("ours", "theirs"))
    (here,) = experiences_in(ours.root)
    before = {path.name: path.read_bytes() for path in content(here.path)}
    (found,) = merged(ours.root, theirs.root).values()
    if epochs_there < epochs_here:
        assert found.what == "ours is further on"
        assert {path.name: path.read_bytes() for path in content(here.path)} == before
        return
    aside = ours.root / ".quarantine" / here.id
    assert found.what == f"further on than ours, which is now {aside}"
    assert {path.name: path.read_bytes() for path in content(aside)} == before
    (there,) = experiences_in(theirs.root)
    assert here.log.read_bytes() == there.log.read_bytes()
    ours.rebuild()
    assert [trial.number for trial in ours.study.interrupted_trials()] == [0], (
        "it is told, or goes on, under our number"
    )


def link(one):
    one.log.unlink()
    one.log.symlink_to("/etc/hostname")


def tear(one):
    one.record.write_bytes(one.record.read_bytes()[:100])
    shutil.rmtree(one.sauvegarde)


def rewrite(change):
    def spoil(one):
        record = one.read()
        change(record)
        one.write(record)

    return spoil


def run_again(record):
    record.outcome, record.sessions[-1].process = None, this_process()


OTHER_CODE = rewrite(
    lambda record: record.search_space.update(fingerprint={"build_model": "another"})
)
REFUSED = {
    "there is a symbolic link in its folder": link,
    "its experience.json is missing or torn": tear,
    "its log.csv is missing; mend that there, see sweep verify": lambda one: one.log.unlink(),
    "its search space and parameters do not give the name of its folder": rewrite(
        lambda record: record.parameters.update(x=0.123)
    ),
    "do not give the name of its folder": rewrite(
        lambda record: record.search_space.update(name="another")
    ),
    "The parameter 'x' holds 2000000000000000000000, an integer beyond 2^53": rewrite(
        lambda record: record.parameters.update(x=2 * 10**21)
    ),
    "it is being trained": rewrite(run_again),
    "trial 0 is none of Optuna's": rewrite(
        lambda record: setattr(record.trials[0], "params", {"x": 9})
    ),
    "it has no trial": rewrite(lambda record: record.trials.clear()),
    "it has other choices of 'kind', or another kind, than the trials here": rewrite(
        lambda record: (
            record.trials[0].distributions["kind"]["attributes"].update(choices=["a", None, 3, "c"])
        )
    ),
    (
        "it was trained by another the imports and other statements, build_model; "
        "see --accept-change"
    ): OTHER_CODE,
}


@pytest.mark.parametrize("says", REFUSED)
def test_what_cannot_be_trusted_does_not_come_in(tmp_path, says):
    ours, theirs = search(tmp_path / "ours").go_on(1), search(tmp_path / "theirs", seed=1).go_on(2)
    first = next(one for one in experiences_in(theirs.root))
    REFUSED[says](first)
    before = content(ours.root)
    found = merged(ours.root, theirs.root)
    assert found[first.id].what.startswith("not taken: ")
    assert says in found[first.id].what
    assert [one.what for name, one in found.items() if name != first.id] == ["new here: trial 1"]
    assert not Experience(ours.root / first.id).path.exists()
    assert before.items() <= content(ours.root).items()


def test_weights_that_are_torn_are_not_further_on(tmp_path):
    ours, theirs = search(tmp_path / "ours"), search(tmp_path / "theirs")
    cut_off(ours, 5)
    (cut_off(theirs, 6).sauvegarde / "latest.weights.h5").write_bytes(b"torn")
    (found,) = merged(ours.root, theirs.root).values()
    assert found.what == "ours is further on"


def test_one_that_was_pruned_early_does_not_displace_one_that_is_further_on(tmp_path):
    ours, theirs = search(tmp_path / "ours"), search(tmp_path / "theirs")
    cut_off(ours, 5)
    trial, parameters = theirs.begin()
    theirs.write(
        trial,
        parameters,
        [0.1, 0.2],
        Outcome(State.PRUNED, now(), "it was bad", {"val_acc": 0.2}, 1),
    )
    (found,) = merged(ours.root, theirs.root).values()
    assert found.what == "ours is further on"


def test_what_other_data_have_trained_comes_in_where_that_is_accepted(tmp_path):
    ours, theirs = search(tmp_path / "ours").go_on(1), search(tmp_path / "theirs", seed=1).go_on(2)
    for root, digest in ((ours.root, "0" * 64), (theirs.root, "1" * 64)):
        for experience in experiences_in(root):
            record = experience.read()
            record.data_identity = {"digest": digest, "files": [], "count": 0}
            experience.write(record)
    before = content(ours.root)
    for one in merged(ours.root, theirs.root).values():
        assert one.what == "not taken: load_data gave it other data than ours; see --accept-change"
    assert content(ours.root) == before
    found = merged(ours.root, theirs.root, accept_change=True).values()
    assert [one.what for one in found] == ["new here: trial 1", "new here: trial 2"]
    data = known_data(one.read() for one in experiences_in(ours.root))
    assert data.expected({})["digest"] == "0" * 64, "a run goes on with ours"


def test_other_code_comes_in_where_that_is_accepted(tmp_path):
    ours, theirs = search(tmp_path / "ours").go_on(1), search(tmp_path / "theirs", seed=1).go_on(1)
    (one,) = experiences_in(theirs.root)
    OTHER_CODE(one)
    assert merged(ours.root, theirs.root, accept_change=True)[one.id].what == "new here: trial 1"


def test_merged_again_nothing_changes(tmp_path):
    ours, theirs = search(tmp_path / "ours").go_on(2), search(tmp_path / "theirs", seed=1).go_on(2)
    merged(ours.root, theirs.root)
    before = content(ours.root)
    assert {one.what for one in merged(ours.root, theirs.root).values()} == {"equal to ours"}
    assert content(ours.root) == before


class Cut(BaseException):
    """Stands for a SIGKILL in the middle of a copy."""


@pytest.mark.parametrize("step", range(1, 8))
def test_a_merge_that_is_cut_leaves_no_half_folder_and_goes_on(tmp_path, monkeypatch, step):
    ours, theirs = search(tmp_path / "ours").go_on(1), search(tmp_path / "theirs", seed=1).go_on(1)
    copied = []

    def copy(*paths):
        copied.append(paths)
        if len(copied) == step:
            raise Cut
        return shutil.copyfile(*paths)

    monkeypatch.setattr(module, "copy_synced", copy)
    try:
        merged(ours.root, theirs.root)
    except Cut:
        assert len(list(experiences_in(ours.root))) == 1
    else:
        assert len(copied) < step
    monkeypatch.undo()
    merged(ours.root, theirs.root)
    assert len(list(experiences_in(ours.root))) == 2
    assert all(one.state() is State.FINISHED for one in experiences_in(ours.root))


def test_no_pickle_comes_in(tmp_path):
    ours, theirs = search(tmp_path / "ours").go_on(1), search(tmp_path / "theirs", seed=1).go_on(1)
    (one,) = experiences_in(theirs.root)
    record = one.read()
    record.trials[0].attributes = {"system": {"cma:optimizer:0": "80049"}, "user": {}}
    one.write(record)
    assert merged(ours.root, theirs.root)[one.id].what == "new here: trial 1"
    assert read_record(Experience(ours.root / one.id)).trials[0].attributes == {}


def test_a_folder_that_is_none_or_this_root_itself_is_refused(tmp_path):
    with pytest.raises(Misuse, match="nowhere is no folder: name the root of another sweep"):
        find_others(tmp_path, [tmp_path / "nowhere"])
    with pytest.raises(Misuse, match="is this root itself"):
        find_others(tmp_path.resolve(), [tmp_path])


def test_the_command_prints_a_table_that_says_where_each_came_from(tmp_path):
    theirs = Search(tmp_path / "theirs", "random", source=find(TOY)).go_on(2)
    done = sweep("merge", TOY, "--root", tmp_path / "new", tmp_path / "theirs")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines() if "new here" in line]
    assert sorted(line[0] for line in lines) == [one.id for one in experiences_in(theirs.root)]
    assert {line[2] for line in lines} == {str(theirs.root)}
    shown = sweep("results", TOY, "--root", tmp_path / "new").stdout
    assert "came_from" in shown
    assert shown.count(str(theirs.root)) == 2
    none = sweep("merge", TOY, "--root", tmp_path / "new", tmp_path / "nowhere")
    assert none.returncode == 2
    assert (
        none.stderr == f"sweep: {tmp_path}/nowhere is no folder: name the root of another sweep.\n"
    )
