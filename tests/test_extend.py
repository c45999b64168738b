"""A finished experience can be extended to more epochs.

It ends as if it had been given them from the start, or says why not.
"""

import pytest

from support.bits import trained
from support.command import Running, begun, run, sessions, sweep, table
from support.folders import Search
from support.tiers import sampled
from sweep.experience.backup_files import read_record
from sweep.experience.folder import experiences_in
from sweep.experience.record import Outcome, State
from sweep.running.extension import parents
from sweep.system.host import now

TRIALS = 2
SCHEDULE = (
    'keras.optimizers.SGD(parameters["rate"])',
    "keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay("
    'parameters["rate"], 5 * parameters["epochs"]))',
)
CALLBACKS = "    return [cut.Cut()]"
EARLY = (
    CALLBACKS,
    """    import keras

    return [keras.callbacks.EarlyStopping("val_acc", min_delta=1, patience=1), cut.Cut()]""",
)
BY_SCHEDULE = (
    CALLBACKS,
    """    import keras

    decay = lambda epoch: 0.1 * (1 - epoch / parameters['epochs'])
    return [keras.callbacks.LearningRateScheduler(decay), cut.Cut()]""",
)
BY_EPOCHS = (
    CALLBACKS,
    """    import keras

    class Own(keras.callbacks.Callback):
        pass

    own = Own()
    own.last = parameters['epochs']
    return [own, cut.Cut()]""",
)


def finished(space, root, *words):
    run(root, "--trials", TRIALS, "--sampler", "random", *words, space=space)
    return root


def extend(space, root, *words):
    done = sweep("extend", space, "--root", root, "--epochs", 5, *words)
    assert "Traceback" not in done.stderr
    return done


def longer(root):
    return {one.id: one for one in experiences_in(root) if one.read().parameters["epochs"] == 5}


def test_it_ends_as_if_it_had_been_given_all_epochs_from_the_start_and_trains_none_twice(
    tmp_path, space
):
    root, twin = (
        finished(space(), tmp_path / "root"),
        finished(space(), tmp_path / "twin", "--epochs", 5),
    )
    before = trained(root)
    done = extend(space(), root)
    assert done.returncode == 0, done.stderr
    assert {name: trained(root)[name] for name in longer(root)} == trained(twin)
    assert {name: trained(root)[name] for name in before} == before
    for one in longer(root).values():
        record = one.read()
        assert record.parent in before
        assert [(session.epoch, session.batch) for session in record.sessions] == [(3, 0)]
        assert record.approximate_because is None
    assert [trial for (trial,) in table(root, "trial", space=space())] == [0, 1, 2, 3]
    assert extend(space(), root, "--best", 1).returncode == 0
    assert set(sessions(root).values()) == {1}, "extended already: nothing is trained"


@pytest.mark.long
def test_only_of_the_best_and_run_again_after_a_cut_it_goes_on(tmp_path, space):
    path = space()
    root, twin = finished(path, tmp_path / "root"), finished(path, tmp_path / "twin", "--epochs", 5)
    words = ["--epochs", 5, "--best", 1, "--save-freq", 2]
    Running(root, *words, space=path, name="extend", hold=0).held().kill_tree()
    assert len(longer(root)) == 1
    done = sweep("extend", path, "--root", root, *words)
    assert done.returncode == 0, done.stderr
    (one,) = longer(root).values()
    best = max(
        table(root, "val_acc", "id_experience", "trial", space=path),
        key=lambda row: (row[2] < 2, row[0]),
    )
    assert one.read().parent == best[1]
    assert trained(root)[one.id] == trained(twin)[one.id]
    assert begun(3)(root)


DECIDED = [
    (SCHEDULE, "optimizer (learning_rate)"),
    (BY_SCHEDULE, "callbacks"),
    (BY_EPOCHS, "callbacks"),
]


@pytest.mark.parametrize(("change", "what"), sampled(DECIDED, SCHEDULE))
def test_what_is_made_from_the_number_of_epochs_makes_it_approximate_and_says_so(
    tmp_path, space, change, what
):
    changed = space(change)
    root = finished(changed, tmp_path / "root", "--trials", 1)
    assert extend(changed, root).returncode == 0
    (one,) = longer(root).values()
    assert (
        f"the number of epochs decides the {what}: "
        "the first 3 were trained as if there were no more"
    ) in one.read().approximate_because


def test_one_that_ended_itself_early_has_nothing_to_go_on_with(tmp_path, space):
    early = space(EARLY)
    root, twin = (
        finished(early, tmp_path / "root", "--trials", 1),
        finished(early, tmp_path / "twin", "--epochs", 5),
    )
    assert extend(early, root).returncode == 0
    (one,) = longer(root).values()
    assert trained(root)[one.id] == trained(twin)[one.id]
    assert one.log.read_text().count("\n") == 3, "a header and two epochs"


def test_where_backups_were_freed_it_says_so_and_where_there_is_none_it_ends_with_a_sentence(
    tmp_path, space
):
    root = finished(space(), tmp_path / "root", "--trials", 1, "--keep-backups", "none")
    (one,) = experiences_in(root)
    assert list(one.sauvegarde.glob("*.h5*")) == []
    done = extend(space(), root)
    assert (
        f"{one.id} cannot be extended: its last backup is freed or lost; "
        "sweep run --epochs trains it" in done.stderr
    )
    assert longer(root) == {}
    none = sweep("extend", space(), "--root", root, "--epochs", 3)
    assert none.returncode == 1
    assert (
        none.stderr
        == f"sweep: {root} has no finished experience of fewer than 3 epochs: see sweep results.\n"
    )


def test_of_a_training_and_its_extension_the_longer_one_goes_on(tmp_path):
    search = Search(tmp_path / "root", "random").go_on(1)
    (shorter,) = search.trials().values()
    trial = search.study.ask()
    search.study.suggest(trial, search.suggest)
    longer = {**shorter.record.parameters, "epochs": 16}
    values = [*shorter.curve(), *[0.0] * 8]
    outcome = Outcome(
        State.FINISHED, now(), None, {"val_acc": max(values)}, values.index(max(values))
    )
    made = search.write(trial, longer, values, outcome)
    assert [one.experience for one in parents(search.trials(), 32, None)] == [made]
    assert [one.experience for one in parents(search.trials(), 16, None)] == [shorter.experience]


def test_a_record_that_is_lost_after_its_backups_were_freed_costs_no_training(tmp_path, space):
    root = finished(space(), tmp_path / "root", "--keep-backups", "none")
    before = trained(root), table(root, space=space())
    for one in experiences_in(root):
        one.record.unlink()
    run(root, "--trials", TRIALS, "--sampler", "random", "--keep-backups", "none", space=space())
    assert (trained(root), table(root, space=space())) == before
    assert set(sessions(root).values()) == {1}


def test_only_the_best_keep_their_backups(tmp_path, space):
    root = tmp_path / "root"
    run(root, "--trials", 4, "--sampler", "random", "--keep-backups", "best:1", space=space())
    ranked = sorted(table(root, "val_acc", "id_experience", space=space()), reverse=True)
    kept = {one.id for one in experiences_in(root) if list(one.sauvegarde.glob("*.h5*"))}
    assert kept == {ranked[0][1]}
    assert all(read_record(one).outcome for one in experiences_in(root))
    assert sweep("verify", space(), "--root", root).returncode == 0, (
        "a backup that was given back is no damage"
    )
    run(root, "--trials", 4, "--sampler", "random", "--keep-backups", "none", space=space())
    assert not list(root.glob("*/sauvegarde/*.h5*"))
    wrong = sweep("run", space(), "--root", root, "--keep-backups", "some")
    assert wrong.returncode == 2
    assert "'some' is neither all, nor none, nor such as best:5" in wrong.stderr


@pytest.mark.parametrize(
    ("last", "sentence"),
    [
        ("(parameters['epochs'] - 1, None), (1, None)", "its phases would begin at other epochs"),
        ("(3, None)", "phases has 3 epochs together, and epochs is 5"),
    ],
)
def test_where_the_phases_move_it_is_said_and_the_root_stays_as_it_was(
    tmp_path, space, last, sentence
):
    phased = "\n\ndef phases(parameters):\n    return [" + last + "]\n"
    path = space(("\n\ndef callbacks(", f"{phased}\n\ndef callbacks("))
    root = finished(path, tmp_path / "root")
    before = sorted(one.id for one in experiences_in(root))
    done = extend(path, root, "--best", 1)
    assert "cannot be extended: " in done.stderr
    assert sentence in done.stderr.replace("\n", " ")
    assert sorted(one.id for one in experiences_in(root)) == before
