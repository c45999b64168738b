"""Trainings that are paused, and taken further: by a scheduler, or as the user asks."""

import io
import json
import random
import re
import shutil
import time
from collections import Counter

import optuna
import pytest
from rich.console import Console

from support.bits import assert_equal, only, trained
from support.command import TOY, results, run, sweep
from support.decisions import decisions
from support.stand_ins import (
    SPACE,
    NoTraining,
    all_of,
    control,
    cut_three_times,
    lose_the_study,
    of_all,
    run_whole,
)
from support.tiers import sampled
from sweep.console.progress import Progress
from sweep.errors import Misuse, SweepError
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.record import Outcome, State
from sweep.running.agenda import Agenda
from sweep.running.controller import Controller
from sweep.search.study import Study
from sweep.search.study_factory import StudyOptions
from sweep.settings import Settings
from sweep.system.host import now
from sweep.training.protocol import End, Ending

HOW = {"epochs": 9, "scheduler": "asha:eta=3", "sampler": "tpe:n_startup_trials=4"}
LADDERS = ["asha", "asha:brackets=3", "sh", "sh:eta=2,brackets=2"]
FEW = """def suggest(trial):
    return {"x": trial.suggest_categorical("x", [0.1, 0.5, 0.9])}"""
# Values that decide alone: the more the x, the better, in each epoch.
RISING = SPACE.replace('"epochs": 2', '"epochs": 9')


def by_x(parameters, epoch):
    return parameters["x"] + epoch / 1000


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "space.py"
    path.write_text(RISING)
    return path


def states(root):
    return Counter(str(one.state()) for one in experiences_in(root))


def reached(root):
    """Return how many epochs the experience of each trial has, by the trial's number."""
    return {
        entry.number: one.log.read_bytes().count(b"\n") - 1
        for one in experiences_in(root)
        for entry in one.read().trials
    }


def queue(folder, *xs, **more):
    """Write a file of proposals, and return its path."""
    path = folder / "proposals.json"
    rest = {"kind": None, "lr": 0.1, **more}
    path.write_text(json.dumps([{"x": x, **rest} for x in xs]))
    return path


# A training that is paused is exact.


@pytest.mark.parametrize(
    ("name", "rungs"),
    sampled(
        [("mlp", (1, 2, 4)), ("cnn", (1, 3)), ("lstm", (1, 2)), ("phased", (3, 5, 7))],
        ("mlp", (1, 2, 4)),
        ("phased", (3, 5, 7)),
    ),
)
def test_what_was_paused_at_each_rung_ends_as_if_trained_in_one_go(
    trainer, uncut, tmp_path, name, rungs
):
    for until in rungs:
        assert trainer(name, tmp_path, until=until).ending == "paused"
        one = only(tmp_path)
        assert (one.state(), one.read().paused_at()) == (State.PAUSED, until)
        assert one.log.read_bytes().count(b"\n") == 1 + until
        assert one.log.read_bytes() == b"".join(
            uncut(name).log.read_bytes().splitlines(keepends=True)[: 1 + until]
        )
    assert trainer(name, tmp_path).ending == "outcome"
    assert_equal(only(tmp_path), uncut(name))
    resumed = only(tmp_path).read().sessions[1:]
    assert all(session.proof.compared and not session.proof.differs for session in resumed)


@pytest.mark.parametrize(
    "cut",
    sampled(
        [{"epoch": 1, "batch": 5}, {"epoch": 1, "end": True}, {"epoch": 2, "batch": 0}],
        {"epoch": 1, "end": True},
    ),
    ids=str,
)
def test_killed_on_its_way_to_a_rung_it_is_paused_there_all_the_same(trainer, uncut, tmp_path, cut):
    trainer("mlp", tmp_path, until=1)
    assert "SIGKILL" in trainer("mlp", tmp_path, cut, until=2).why
    assert trainer("mlp", tmp_path, until=2).ending == "paused"
    assert trainer("mlp", tmp_path).ending == "outcome"
    assert_equal(only(tmp_path), uncut("mlp"))


def test_killed_between_its_last_backup_and_its_end_it_trains_nothing_more(trainer, tmp_path):
    trainer("mlp", tmp_path, until=2)
    one = only(tmp_path)
    record, log = one.read(), one.log.read_bytes()
    record.sessions[-1].ended = None  # as the kill leaves it
    one.write(record)
    assert one.state() is State.CUT_OFF
    assert trainer("mlp", tmp_path, until=2).ending == "paused"
    assert one.log.read_bytes() == log
    assert [session.ended.how for session in one.read().sessions] == ["cut", "paused"]


def test_what_ends_by_itself_at_a_rung_is_finished(trainer, uncut, tmp_path):
    assert trainer("mlp", tmp_path, until=6).ending == "outcome"
    assert_equal(only(tmp_path), uncut("mlp"))


# Decisions are a function of the folders.


@pytest.mark.parametrize("scheduler", sampled(LADDERS, "asha", "sh:eta=2,brackets=2"))
@pytest.mark.parametrize("between", [lambda root: None, lose_the_study], ids=["kept", "lost"])
def test_a_sweep_that_is_cut_decides_the_same_in_the_same_order(
    twins, tmp_path, scheduler, between
):
    options = {**HOW, "scheduler": scheduler, "finish": 2}
    whole = twins(f"promotion {scheduler}", lambda root: run_whole("amounts", root, **options))
    cut_three_times("amounts", tmp_path, (3, 17, 40), between, **options)
    assert all_of(tmp_path) == all_of(whole)
    assert decisions(tmp_path) == decisions(whole)
    assert states(whole)["paused"] > 9
    assert states(whole)["finished"] >= 2


def test_run_again_a_sweep_that_is_over_trains_nothing(space, tmp_path):
    root, again = tmp_path / "root", NoTraining(by_x)
    control(root, space, NoTraining(by_x), **HOW, finish=2)
    before = reached(root)
    said, _ = control(root, space, again, **HOW, finish=2)
    assert (again.trained, reached(root)) == ([], before)
    assert "2 finished" in said[0]
    assert "10 paused, 0 interrupted, 0 failed, 0 to do" in said[0]


class Cut(BaseException):
    """Stands for a SIGKILL of the controller, which a test of many cuts has no time for."""


class Events:
    """Counts what a sweep writes and asks, and cuts it at one of these."""

    WATCHED = (
        *((optuna.Study, name) for name in ("add_trial", "ask", "tell")),
        *((Study, "suggest"), (Experience, "write")),
    )

    def __init__(self, monkeypatch):
        self.count, self.cut = 0, None
        for kind, name in self.WATCHED:
            monkeypatch.setattr(kind, name, self._counted(getattr(kind, name)))

    def _counted(self, method):
        def counted(*args, **kwargs):
            self.tick()
            answer = method(*args, **kwargs)
            self.tick()
            return answer

        return counted

    def tick(self, *_):
        self.count += 1
        if self.count == self.cut:
            raise Cut

    def run(self, root, space, cut, **options):
        """Run a sweep, and tell whether it was cut."""
        self.count, self.cut = 0, cut
        try:
            control(root, space, NoTraining(of_all, self.tick), **options)
        except Cut:
            return True
        return False


CASES = {
    "few": (True, {"sampler": "random", "scheduler": "asha:eta=2", "finish": 2}),
    "few, of brackets": (True, {"scheduler": "asha:eta=2,brackets=3", "finish": None}),
    "sh": (False, {"scheduler": "sh:eta=2,brackets=2", "finish": 3}),
    "a budget": (False, {"epochs_total": 45, "trials": 50, "finish": 1}),
    "repeats": (False, {"repeats": 2, "finish": 2}),
    "patience": (False, {"patience": 6, "target": 0.95, "trials": 50}),
}


@pytest.mark.parametrize("case", CASES)
def test_cut_at_any_event_with_or_without_its_study_it_decides_the_same(
    space, tmp_path, monkeypatch, case
):
    has_few, options = CASES[case]
    if has_few:
        space.write_text(re.sub(r"def suggest.*?return parameters", FEW, RISING, flags=re.DOTALL))
    options, events = {**HOW, "trials": 16, **options}, Events(monkeypatch)
    events.run(tmp_path / "whole", space, None, **options)
    whole, last, draw = tmp_path / "whole", events.count, random.Random(case)
    for number in range(6):
        root = tmp_path / str(number)
        for cut in (draw.randrange(1, last), draw.randrange(1, 60)):
            if events.run(root, space, cut, **options) and number % 2:
                (root / "study.journal").unlink(missing_ok=True)
        events.run(root, space, None, **options)
        assert all_of(root) == all_of(whole), (number, last)
        assert decisions(root) == decisions(whole), (number, last)


@pytest.mark.parametrize("workers", [2, 5])
@pytest.mark.parametrize("scheduler", ["asha:eta=3", "sh:eta=3"])
def test_with_several_workers_nothing_is_lost_or_trained_twice(space, tmp_path, workers, scheduler):
    root, place = tmp_path / "root", NoTraining(by_x, takes_s=0.01)
    how = {**HOW, "scheduler": scheduler, "sampler": "random", "trials": 27}
    control(root, space, place, workers=workers, **how)
    for one in experiences_in(root):
        sessions = one.read().sessions
        assert [(end.epoch, end.until) for end in sessions] == [
            *zip((0, 1, 3), (1, 3, None), strict=True)
        ][: len(sessions)]
    assert len(place.trained) == sum(len(one.read().sessions) for one in experiences_in(root))
    counts = Counter(reached(root).values())
    assert counts == {1: 18, 3: 6, 9: 3} if scheduler == "sh:eta=3" else counts[9] >= 3


@pytest.mark.parametrize("slow", ["next", "end"])
def test_whatever_ends_while_another_worker_asks_nothing_is_lost(tmp_path, monkeypatch, slow):
    method, draw = getattr(Agenda, slow), random.Random(0)

    def slowly(self, *args):
        answer = None if slow == "end" else method(self, *args)
        time.sleep(draw.random() * 0.05)
        return method(self, *args) if slow == "end" else answer

    monkeypatch.setattr(Agenda, slow, slowly)
    path = tmp_path / "few.py"
    path.write_text(re.sub(r"def suggest.*?return parameters", FEW, RISING, flags=re.DOTALL))
    for seed in range(3):
        how = {**HOW, "sampler": "random", "trials": 24, "finish": None, "seed": seed}
        place = NoTraining(by_x, takes_s=0.02)
        _, study = control(tmp_path / str(seed), path, place, workers=4, **how)
        assert {trial.state.name for trial in study.trials()} == {"COMPLETE"}


def test_a_worker_waits_for_what_another_one_may_promote(space, tmp_path):
    root, place = tmp_path / "root", NoTraining(by_x, takes_s=0.2)
    file = queue(tmp_path, 0.1, 0.2, 0.9)
    control(root, space, place, **{**HOW, "trials": 3}, enqueue=file, workers=3)
    assert reached(root) == {0: 1, 1: 1, 2: 3}


# Equal proposals cost nothing.


def test_equal_proposals_wait_with_the_first_one_and_end_with_it(tmp_path):
    root, place = tmp_path / "root", NoTraining(by_x)
    path = tmp_path / "few.py"
    path.write_text(re.sub(r"def suggest.*?return parameters", FEW, RISING, flags=re.DOTALL))
    _, study = control(root, path, place, **{**HOW, "sampler": "random"}, finish=None)
    assert len(list(experiences_in(root))) == 3
    assert len(place.trained) == len(decisions(root)) == 7  # the best goes by two rungs
    assert [(trial.state.name, trial.value) for trial in study.trials()] == [
        ("COMPLETE", pytest.approx(trial.params["x"] + 0.008)) for trial in study.trials()
    ]


# The end of a sweep.


def test_a_budget_of_epochs_ends_a_sweep(space, tmp_path):
    root, place = tmp_path / "root", NoTraining(by_x)
    said, _ = control(root, space, place, **{**HOW, "trials": 50}, epochs_total=30)
    assert 30 <= sum(reached(root).values()) < 36
    assert said[-1] == (
        "the 30 epochs of --epochs-total are trained: nothing begins or is taken further"
    )
    control(root, space, again := NoTraining(by_x), **{**HOW, "trials": 50}, epochs_total=30)
    assert again.trained == []
    control(root, space, again, **{**HOW, "trials": 50}, epochs_total=60)
    assert 60 <= sum(reached(root).values()) < 66


def test_a_budget_of_epochs_ends_a_sweep_without_a_scheduler_too(space, tmp_path):
    root = tmp_path / "root"
    control(root, space, NoTraining(by_x), trials=50, epochs_total=30, sampler="random")
    assert reached(root) == dict.fromkeys(range(4), 9)


@pytest.mark.parametrize(("finish", "finished"), [(0, 1), (3, 3), (None, 12)])
def test_at_the_end_the_best_are_finished(space, tmp_path, finish, finished):
    root = tmp_path / "root"
    control(root, space, NoTraining(by_x), **HOW, finish=finish)
    assert states(root)["finished"] == finished
    ended = [one for one in experiences_in(root) if one.state() is State.FINISHED]
    paused = [one for one in experiences_in(root) if one.state() is State.PAUSED]
    if finish:
        worst = min(one.read().parameters["x"] for one in ended)
        assert all(one.read().parameters["x"] < worst for one in paused)


def test_without_a_scheduler_what_is_paused_stays_so(space, tmp_path):
    root, place = tmp_path / "root", NoTraining(by_x)
    control(root, space, NoTraining(by_x), **HOW)
    before = reached(root)
    said, _ = control(root, space, place, trials=13, sampler="random")
    assert place.trained == [12]
    assert reached(root) == {**before, 12: 9}
    assert "11 paused, 0 interrupted" in said[0]


class Failing(NoTraining):
    """Fails the trials of some numbers before their first epoch, or lets their process die."""

    def __init__(self, numbers, dies=False):
        super().__init__(by_x)
        self._numbers, self._dies = numbers, dies

    def train(self, job, stop, on_news):
        if job.only_prepares:
            return End(Ending.OUTCOME)
        if job.record.trials[0].number not in self._numbers or (self._dies and job.until == 1):
            return super().train(job, stop, on_news)
        if self._dies:
            return End(Ending.DIED, "it died")
        job.record.outcome = Outcome(State.FAILED, now(), "it raised ValueError: x")
        job.experience.write(job.record)
        return End(Ending.OUTCOME)


def test_some_that_fail_do_not_end_a_sweep_with_paused_ones(space, tmp_path):
    root = tmp_path / "root"
    control(root, space, Failing(range(2, 7)), **{**HOW, "trials": 15})
    assert (states(root)["failed"], sum(states(root).values())) == (5, 15)


def test_one_that_cannot_go_on_is_left_and_the_others_go_on(space, tmp_path):
    root, file = tmp_path / "root", queue(tmp_path, 0.1, 0.2, 0.9, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65)
    with pytest.raises(SweepError, match=r"^trial 2 \(\w+\) cannot resume: it died[^;]*: mend"):
        control(root, space, Failing([2], dies=True), **{**HOW, "trials": 9}, enqueue=file)
    assert len(reached(root)) == 9
    control(root, space, NoTraining(by_x), **{**HOW, "trials": 9})
    assert reached(root)[2] == 9


def test_a_log_that_is_lost_is_put_in_place_again(space, tmp_path):
    root, file = tmp_path / "root", queue(tmp_path, 0.1, 0.9)
    control(root, space, NoTraining(by_x), **{**HOW, "trials": 2}, enqueue=file)
    for one in experiences_in(root):
        one.log.unlink()
    said, _ = control(root, space, NoTraining(by_x), **{**HOW, "trials": 3})
    assert sum("log.csv is missing: put in place again" in line for line in said) == 2
    assert reached(root)[1] == 3


def test_the_values_of_paused_ones_count_for_target_and_patience(space, tmp_path):
    file = queue(tmp_path, 0.1, 0.9, 0.2, 0.3, 0.4, 0.5)
    control(tmp_path / "target", space, NoTraining(by_x), **HOW, enqueue=file, target=0.8)
    assert len(reached(tmp_path / "target")) == 2
    control(tmp_path / "patience", space, NoTraining(by_x), **HOW, enqueue=file, patience=3)
    assert len(reached(tmp_path / "patience")) == 5


def test_extensions_are_not_paused_by_a_later_run(space, tmp_path, monkeypatch):
    root, events = tmp_path / "root", Events(monkeypatch)
    control(root, space, NoTraining(by_x), **HOW, finish=3)

    def extend(cut):
        events.count, events.cut = 0, cut
        settings = Settings(space=str(space), root=root, trials=0)
        progress = Progress(Console(file=io.StringIO()))
        Controller.prepare(settings, progress, NoTraining(by_x, events.tick)).extend(12, None)

    with pytest.raises(Cut):
        extend(12)
    events.cut = None
    control(root, space, NoTraining(by_x), **HOW)
    extend(None)
    longer = [one for one in experiences_in(root) if one.read().parameters["epochs"] == 12]
    assert [one.state() for one in longer] == [State.FINISHED] * 3


def test_repeats_are_trained_for_what_reaches_the_end_alone(space, tmp_path):
    root, place = tmp_path / "root", NoTraining(by_x)
    _, study = control(root, space, place, **HOW, repeats=3)
    firsts = [one for one in experiences_in(root) if one.read().seed == 0]
    others = [one for one in experiences_in(root) if one.read().seed > 0]
    (finished,) = [one for one in firsts if one.state() is State.FINISHED]
    assert len(firsts) == 12
    assert [(one.read().parameters["x"], one.state()) for one in others] == [
        (finished.read().parameters["x"], State.FINISHED)
    ] * 2
    assert [trial.state.name for trial in study.trials()].count("COMPLETE") == 1


def test_what_breaks_a_constraint_is_the_last_of_its_rung(space, tmp_path):
    root = tmp_path / "root"
    space.write_text(
        f'{RISING}\n\ndef constraints(parameters, results):\n    return parameters["x"] - 0.5\n'
    )
    file = queue(tmp_path, 0.9, 0.8, 0.4, 0.7, 0.3)
    control(root, space, NoTraining(by_x), **{**HOW, "trials": 5}, enqueue=file)
    assert reached(root) == {0: 1, 1: 1, 2: 3, 3: 1, 4: 1}


# What the sampler sees.


def test_tpe_learns_from_what_is_paused_and_its_value_is_replaced(tmp_path):
    def suggest(trial):
        return {"x": trial.suggest_float("x", 0, 1)}

    def proposed(paused):
        study = Study("toy", None, StudyOptions("tpe:n_startup_trials=5"))
        for _ in range(12):
            study.suggest(study.ask(), suggest)
        for number, values in paused.items():
            study.show_paused(number, values)
        assert {trial.state.name for trial in study.trials()} == {"RUNNING"}
        return study.suggest(study.ask(), suggest)["x"]

    unseen = proposed({})
    seen = proposed({number: {0: number / 12} for number in range(12)})
    further = proposed({number: {0: number / 12, 1: 1 - number / 12} for number in range(12)})
    assert len({unseen, seen, further}) == 3


def test_what_was_paused_and_fails_counts_no_more(tmp_path):
    def suggest(trial):
        x = trial.suggest_float("x", 0, 1)
        return {"x": x, "y": 0 if trial.number == 3 else trial.suggest_float("y", 0, 1)}

    def options(paused):
        return StudyOptions("tpe:n_startup_trials=2", 1, paused=paused)

    journal, copied = tmp_path / "study.journal", tmp_path / "copied.journal"
    values = {number: {0: number / 8} for number in range(8)}
    study = Study("toy", journal, options({}))
    trials = [study.ask() for _ in range(8)]
    for trial in trials:
        study.suggest(trial, suggest)
        study.show_paused(trial.number, values[trial.number])
    study.suggest(study.ask(), suggest)
    study.tell(trials[3], Outcome(State.FAILED, ""), [])
    shutil.copy(journal, copied)
    del values[3]
    reopened = Study("toy", copied, options(values))
    assert study.suggest(study.ask(), suggest) == reopened.suggest(reopened.ask(), suggest)


def test_every_third_proposal_of_tpe_is_that_of_random_search():
    def suggest(trial):
        return {
            "x": trial.suggest_float("x", 0, 1),
            "y": trial.suggest_categorical("y", [1, 2, 3, 4, 5]),
        }

    def proposed(sampler, has_scheduler):
        study = Study("toy", None, StudyOptions(sampler, 3, has_scheduler=has_scheduler))
        proposals = []
        for number in range(12):
            proposals.append(study.suggest(study.ask(), suggest))
            study.show_paused(number, {0: proposals[-1]["x"]})
        return proposals

    with_share = proposed("tpe:n_startup_trials=1", True)
    at_random, without = proposed("random", True), proposed("tpe:n_startup_trials=1", False)
    same = [number for number in range(12) if with_share[number] == at_random[number]]
    assert same[-3:] == [5, 8, 11]
    assert set(same) <= {0, 2, 5, 8, 11}
    assert with_share[:2] == without[:2]
    assert proposed("random", False) == at_random


def test_the_other_samplers_do_not_see_it():
    def suggest(trial):
        return {"x": trial.suggest_float("x", 0, 1)}

    for sampler in ("random", "cmaes", "qmc", "nsgaii"):
        proposed = []
        for paused in (False, True):
            study = Study("toy", None, StudyOptions(sampler))
            for number in range(12):
                study.suggest(study.ask(), suggest)
                if paused:
                    study.show_paused(number, {0: 0.5})
            proposed.append(study.suggest(study.ask(), suggest))
        assert proposed[0] == proposed[1], sampler


# As a user has it.


def test_a_paused_experience_is_trained_to_its_end_by_its_name(tmp_path):
    root, twin, how = tmp_path / "root", tmp_path / "twin", ("--trials", 3, "--epochs", 4)
    how += ("--sampler", "brute_force")
    said = run(root, *how, "--scheduler", "asha:eta=3")
    assert "paused after 1 epoch, val_acc" in said
    assert "3 paused: " in said
    rows = results(root)
    assert [row["state"] for row in rows] == ["paused"] * 3
    status = sweep("status", TOY, "--root", root).stdout
    assert ", 3 paused, " in status
    assert "paused: 2 after 1 epoch, 1 after 3 epochs" in status
    best = sweep("best", TOY, "--root", root)
    assert "finish the best of them by sweep resume SPACE --finish best:1." in best.stderr
    name = rows[-1]["id_experience"]
    done = sweep("resume", TOY, name[:6], "--root", root)
    assert done.returncode == 0, done.stderr
    assert [row["state"] for row in results(root)] == ["finished", "paused", "paused"]
    run(twin, *how)
    assert trained(root)[name] == trained(twin)[name]
    again = sweep("resume", TOY, name, "--root", root)
    assert (again.returncode, again.stderr.count("sweep: ")) == (2, 1)
    assert f"{name} is finished, not unfinished" in again.stderr


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--scheduler", "asha", "--pruner", "median"), "leave one out"),
        (("--scheduler", "asher"), "did you mean asha?"),
        (("--scheduler", "asha:min_epochs=3"), "min_epochs is 3, and a training has 3 epochs"),
        (("--finish", "best"), "'best' is neither all, nor none, nor such as best:5"),
        (("--epochs-total", "0"), "0 is not in the range x>=1"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(tmp_path, options, why):
    done = sweep("run", TOY, "--root", tmp_path / "root", *options)
    assert done.returncode == 2
    assert why in done.stderr.splitlines()[-1]
    assert not (tmp_path / "root").exists()


def test_several_objectives_have_no_scheduler(space, tmp_path):
    space.write_text(f'MONITOR = ["val_acc", "val_loss"]\n{RISING}')
    with pytest.raises(Misuse, match="MONITOR has several names, and --scheduler is for one"):
        control(tmp_path / "root", space, NoTraining(by_x), **HOW)


def test_without_a_name_resume_says_where_there_are_some(tmp_path):
    run(tmp_path, "--trials", 1)
    done = sweep("resume", TOY, "--root", tmp_path)
    assert done.returncode == 2
    assert "Name the ids to train to their ends, or the best by --finish best:3" in done.stderr
