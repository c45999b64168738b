"""The searches of ``benchmarks.search``: each by its own library, through its public interface.

A function takes a tape, on which it trains, and a seed. It runs until the budget of the tape is
spent. The parameters are the same for all: a list of numbers is an integer range of their places,
so that an order is known, and anything else is a choice.

What a tool trains further in place of anew costs it only the further epochs, also where it would be
the user's part to keep the weights meanwhile (SMAC, NePS).
"""

import contextlib
import io
import itertools
import logging
import tempfile
import warnings
from collections import defaultdict
from dataclasses import replace

from sweep.experience.record import Outcome, State
from sweep.search.scheduler import Stage, Standing, scheduler_of
from sweep.search.study import Study
from sweep.search.study_factory import StudyOptions

# So many proposals in a row that cost nothing, of ours and of others, mean an exhausted table. SMAC
# takes seconds for each of them.
NOTHING_NEW, FREE_IN_ROW = 30, 5


class Spent(BaseException):  # else the tools would take it for the end of one training
    """The budget is spent, or the table is exhausted."""


class Tape:
    """Trainings that are read from a table, epoch by epoch.

    Args:
        table: of ``benchmarks.tables``.
        budget: the number of epochs after which it raises ``Spent``.
    """

    def __init__(self, table, budget):
        self.table, self._budget = table, budget
        self._free_in_row = 0
        self.best_so_far = []  # after each epoch

    def train(self, places, begin, end):
        """Train from one epoch to another, and return the curve up to there."""
        curve = self.table.curve(self.parameters(places))
        self._free_in_row = self._free_in_row + 1 if begin >= end else 0
        if self._free_in_row == FREE_IN_ROW:
            raise Spent
        for value in curve[begin:end]:
            best = self.best_so_far[-1] if self.best_so_far else value
            self.best_so_far.append(max(best, value))
            if len(self.best_so_far) == self._budget:
                raise Spent
        return curve[:end]

    def parameters(self, places):
        """Return the parameters whose values have these places in the lists of choices."""
        return {name: self.table.choices[name][place] for name, place in places.items()}

    def dimensions(self):
        """Yield each parameter with how many choices it has, and whether they have an order."""
        for name, values in self.table.choices.items():
            yield name, len(values), not isinstance(values[0], str | bool)


def suggest(trial, tape):
    """Return places as Optuna proposes them."""
    return {
        name: trial.suggest_int(name, 0, count - 1)
        if is_ordered
        else trial.suggest_categorical(name, list(range(count)))
        for name, count, is_ordered in tape.dimensions()
    }


def optuna_search(sampler_of, pruner_of):
    def run(tape, seed):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(
            direction="maximize", sampler=sampler_of(optuna, seed), pruner=pruner_of(optuna, tape)
        )

        def objective(trial):
            places, best = suggest(trial, tape), 0.0
            for epoch in range(tape.table.epochs):
                value = tape.train(places, epoch, epoch + 1)[-1]
                best = max(best, value)
                trial.report(value, epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned
            return best

        study.optimize(objective, n_trials=None)

    return run


def tpe(optuna, seed):
    return optuna.samplers.TPESampler(seed=seed)


def keras_tuner(tape, seed):
    import keras_tuner as kt

    def space():
        parameters = kt.HyperParameters()
        for name, count, is_ordered in tape.dimensions():
            if is_ordered:
                parameters.Int(name, 0, count - 1)
            else:
                parameters.Choice(name, list(range(count)))
        return parameters

    class Tuner(kt.Tuner):
        def run_trial(self, trial, *args, **kwargs):
            values = trial.hyperparameters.values
            places = {name: values[name] for name, *_ in tape.dimensions()}
            begin, end = values.get("tuner/initial_epoch", 0), values["tuner/epochs"]
            return {"val_acc": max(tape.train(places, begin, end))}

    with tempfile.TemporaryDirectory() as folder:
        tuner = Tuner(
            oracle=kt.oracles.HyperbandOracle(
                objective=kt.Objective("val_acc", "max"),
                max_epochs=tape.table.epochs,
                hyperband_iterations=1000,
                seed=seed * 1_000_003,  # it adds one for each value: near seeds would draw the same
                hyperparameters=space(),
                tune_new_entries=False,
            ),
            hypermodel=lambda _: None,
            directory=folder,
            overwrite=True,
        )
        with contextlib.redirect_stdout(io.StringIO()):
            tuner.search(verbose=0)


def syne_tune(tape, seed):
    from syne_tune.backend.trial_status import Trial
    from syne_tune.config_space import choice, randint
    from syne_tune.optimizer.baselines import ASHA
    from syne_tune.optimizer.scheduler import SchedulerDecision

    space = {
        name: randint(0, count - 1) if is_ordered else choice(list(range(count)))
        for name, count, is_ordered in tape.dimensions()
    }
    asha = ASHA(
        space, "val_acc", "epoch", max_t=tape.table.epochs, do_minimize=False, random_seed=seed
    )
    for number in itertools.count():
        config = asha.suggest().config
        trial = Trial(number, config, creation_time=None)
        asha.on_trial_add(trial)
        for epoch in range(tape.table.epochs):
            result = {"val_acc": max(tape.train(config, epoch, epoch + 1)), "epoch": epoch + 1}
            if asha.on_trial_result(trial, result) == SchedulerDecision.STOP:
                break
        else:
            asha.on_trial_complete(trial, result)


def smac(tape, seed):
    from ConfigSpace import CategoricalHyperparameter as Choice
    from ConfigSpace import ConfigurationSpace
    from ConfigSpace import UniformIntegerHyperparameter as Integer
    from smac import MultiFidelityFacade, Scenario
    from smac.main.exceptions import ConfigurationSpaceExhaustedException
    from smac.runhistory.dataclasses import TrialValue

    space = ConfigurationSpace(seed=seed)
    for name, count, is_ordered in tape.dimensions():
        if is_ordered:
            space.add(Integer(name, 0, count - 1))
        else:
            space.add(Choice(name, list(range(count))))
    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(
            space,
            output_directory=folder,
            deterministic=True,
            n_trials=100_000,
            min_budget=1,
            max_budget=tape.table.epochs,
            seed=seed,
        )

        def never_called(config, seed, budget):  # noqa: ARG001 # SMAC looks at its signature
            return 0.0

        facade = MultiFidelityFacade(scenario, never_called, overwrite=True, logging_level=False)
        trained = {}
        while True:
            try:
                info = facade.ask()
            except ConfigurationSpaceExhaustedException:
                return
            places = {name: int(place) for name, place in dict(info.config).items()}
            key, end = tuple(places.values()), round(info.budget)
            curve = tape.train(places, trained.get(key, 0), end)
            trained[key] = max(end, trained.get(key, 0))
            facade.tell(info, TrialValue(cost=1 - max(curve)))


def neps(tape, seed):
    import random

    import neps
    import numpy
    import torch
    from neps.optimizers import algorithms
    from neps.optimizers.ask_and_tell import AskAndTell

    for set_seed in (random.seed, numpy.random.seed, torch.manual_seed):
        set_seed(seed)
    space = {
        name: neps.Integer(0, count - 1) if is_ordered else neps.Categorical(list(range(count)))
        for name, count, is_ordered in tape.dimensions()
    }
    space["epochs"] = neps.IntegerFidelity(1, tape.table.epochs)
    asha = AskAndTell(algorithms.asha(type("Space", (neps.PipelineSpace,), space)()))
    trained = {}
    while True:
        trial = asha.ask()
        places = {name: int(trial.config[name]) for name, *_ in tape.dimensions()}
        key, end = trial.id.rpartition("_rung")[0], int(trial.config["epochs"])
        curve = tape.train(places, trained.get(key, 0), end)
        trained[key] = end
        asha.tell(trial, 1 - max(curve))


class Ours:
    """The search of ``sweep run --sampler … --scheduler … --finish all``, without its folders.

    ``tests/test_search_benchmark.py`` compares it with the search that has them.

    Args:
        tape: is trained on.
        seed, sampler, scheduler: the options.
    """

    def __init__(self, tape, seed, sampler, scheduler):
        self._tape, self._epochs = tape, tape.table.epochs
        self._ladder = scheduler_of(scheduler, self._epochs)
        options = StudyOptions(sampler, seed, has_scheduler=self._ladder is not None)
        self.study = Study("x", None, options)
        self._standings, self._waiting = {}, defaultdict(list)  # by places
        self._equal_in_row = 0

    def run(self):
        """Search until the budget is spent, or the table is trained as far as it is proposed."""
        while True:
            self.step()

    def step(self):
        """Take a paused training further, or begin with a new proposal."""
        standings = self._standings.values()
        best = self._ladder and self._ladder.next_to_resume(standings, self.study.count(), False)
        if best:
            until = self._ladder.until(best.number, self._epochs, best.reached)
            self._train(self._key_of(best), best, until)
        elif self._equal_in_row == NOTHING_NEW:
            self._finish()
        else:
            self._propose()

    def _propose(self):
        trial = self.study.ask()
        key = tuple(self.study.suggest(trial, lambda asked: suggest(asked, self._tape)).values())
        self._waiting[key].append(trial)
        if key in self._standings:  # an equal proposal costs nothing
            self._equal_in_row += 1
            self._show(key)
            return
        self._equal_in_row = 0
        until = self._ladder and self._ladder.until(trial.number, self._epochs)
        self._train(key, Standing(trial.number, self._epochs, 0, (), Stage.UNDER_WAY), until)

    def _finish(self):
        """Train the best paused one to its end."""
        paused = [one for one in self._standings.values() if one.stage is Stage.PAUSED]
        if not paused:
            raise Spent
        best = min(paused, key=lambda one: (one.rank_at(self._epochs), one.number))
        self._train(self._key_of(best), best, None)

    def _key_of(self, standing):
        return next(key for key, one in self._standings.items() if one is standing)

    def _train(self, key, standing, until):
        places = dict(zip(self._tape.table.choices, key, strict=True))
        curve = self._tape.train(places, len(standing.ranks), until or self._epochs)
        ranks = [-value for value in itertools.accumulate(curve, max)]
        self._standings[key] = replace(
            standing,
            reached=until or standing.reached,
            ranks=ranks,
            stage=Stage.PAUSED if until else Stage.OVER,
        )
        self._show(key)

    def _show(self, key):
        """Let the study know what the trials of a training are worth now."""
        standing = self._standings[key]
        values = {epoch: -rank for epoch, rank in enumerate(standing.ranks)}
        for trial in self._waiting[key]:
            if standing.stage is Stage.PAUSED:
                self.study.show_paused(trial.number, values)
            else:
                best = max(values.values())
                self.study.tell(trial, Outcome(State.FINISHED, "", values={"val_acc": best}), [])
        if standing.stage is Stage.OVER:
            self._waiting[key].clear()


def ours(sampler, scheduler):
    return lambda tape, seed: Ours(tape, seed, sampler, scheduler).run()


RANDOM = "random search"
CONTENDERS = {
    RANDOM: optuna_search(
        lambda optuna, seed: optuna.samplers.RandomSampler(seed=seed),
        lambda optuna, _: optuna.pruners.NopPruner(),
    ),
    "Optuna TPE": optuna_search(tpe, lambda optuna, _: optuna.pruners.NopPruner()),
    "Optuna TPE, median": optuna_search(tpe, lambda optuna, _: optuna.pruners.MedianPruner()),
    "Optuna TPE, Hyperband": optuna_search(
        tpe, lambda optuna, tape: optuna.pruners.HyperbandPruner(1, tape.table.epochs)
    ),
    "KerasTuner Hyperband": keras_tuner,
    "Syne Tune ASHA": syne_tune,
    "SMAC3 multi-fidelity": smac,
    "NePS ASHA": neps,
    "sweep random, asha": ours("random", "asha"),
    "sweep random, 3 brackets": ours("random", "asha:brackets=3"),
    "sweep TPE, asha": ours("tpe", "asha"),
    "sweep TPE, 3 brackets": ours("tpe", "asha:brackets=3"),
}


def play(table, name, seed, budget):
    """Return the best value so far after each epoch of a search."""
    tape = Tape(table, budget)
    for logger in ("smac", "neps", "syne_tune", "keras_tuner"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    with warnings.catch_warnings(action="ignore"), contextlib.suppress(Spent):
        CONTENDERS[name](tape, seed)
    return tape.best_so_far
