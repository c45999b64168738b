"""Each private name of Optuna that sweep uses: the failing test says which one has moved."""

import ast
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from sweep.search import optuna_adapter as adapter
from sweep.search.journal import Journal

SWEEP = Path(__file__).parent.parent / "sweep"
PRIVATE = {
    *("_storage", "_study_id", "_trial_id", "_cached_frozen_trial", "_thread_local", "_validate"),
    *("_contains", "_file_path", "_find_sample_id", "_bracket_id", "_study"),
}


@pytest.fixture
def study():
    return optuna.create_study(study_name="toy")


def names_used(module):
    """Return the private names that a module uses of something else than its own ``self``."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) != "self":
            yield node.attr
        elif isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            yield from (ast.literal_eval(a) for a in node.args if isinstance(a, ast.Constant))


def test_only_the_adapter_uses_private_names_of_optuna():
    users = {module.name for module in SWEEP.rglob("*.py") if PRIVATE & set(names_used(module))}
    assert users == {"optuna_adapter.py"}


def test_no_file_imports_a_private_module_of_optuna():
    for module in SWEEP.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            names = [alias.name for alias in getattr(node, "names", ()) if hasattr(alias, "name")]
            name = f"{getattr(node, 'module', '')}.{'.'.join(names)}"
            assert not ("optuna" in name and "._" in name), f"{module}: {name}"


def test_study_has_storage(study):
    assert adapter.storage_of(study) is study._storage
    assert isinstance(study._storage, optuna.storages.BaseStorage)


def test_a_study_speaks_to_the_storage_that_is_set_in_storage(study):
    other = optuna.storages.InMemoryStorage()
    number = other.create_new_study([optuna.study.StudyDirection.MINIMIZE])
    other.create_new_trial(number, create_trial(value=7.0))
    copied = adapter.with_storage(study, other)
    assert [trial.value for trial in copied.get_trials()] == [7.0]
    assert study.get_trials() == []


def test_study_has_study_id(study):
    storage = adapter.storage_of(study)
    assert storage.get_study_name_from_id(adapter.study_id(study)) == "toy"


def test_study_summary_has_study_id(study):
    assert adapter.study_ids(adapter.storage_of(study)) == {"toy": adapter.study_id(study)}


def test_trial_has_trial_id(study):
    trial = study.ask()
    frozen = study.get_trials()[0]
    assert adapter.trial_id(trial) == adapter.trial_id(frozen)
    assert adapter.read_trial(trial).number == trial.number


def test_a_running_trial_is_made_again_from_study_and_trial_id(study):
    trial = study.ask()
    drawn = trial.suggest_float("x", 0, 1)
    attached = adapter.attach(study, study.get_trials()[0])
    assert (attached.number, attached.suggest_float("x", 0, 1)) == (trial.number, drawn)
    study.tell(attached, 1.0)
    assert study.get_trials()[0].value == 1.0


def test_cached_frozen_trial_has_what_was_reported(study):
    trial = study.ask()
    assert adapter.reported_values(trial) == {}
    trial.report(0.5, 3)
    assert adapter.reported_values(trial) == {3: 0.5}
    assert adapter.reported_values(adapter.attach(study, study.get_trials()[0])) == {3: 0.5}


def test_thread_local_keeps_the_trials_that_the_samplers_read(study):
    study.ask()
    before = study._get_trials(deepcopy=False, use_cache=True)
    study.add_trial(create_trial(value=1.0))
    assert len(study._get_trials(deepcopy=False, use_cache=True)) == len(before) == 1
    adapter.forget_cached_trials(study)
    assert len(study._get_trials(deepcopy=False, use_cache=True)) == 2


def test_a_trial_takes_a_system_attribute_and_a_parameter(study):
    trial = study.ask()
    adapter.set_system_attribute(trial, "note", [1])
    adapter.set_parameter(trial, "n", 3, IntDistribution(1, 5))
    frozen = study.get_trials()[0]
    assert (frozen.system_attrs["note"], frozen.params) == ([1], {"n": 3})


def test_validate_refuses_a_trial_that_contradicts_itself():
    trial = create_trial(value=1.0)
    adapter.check_trial(trial)
    trial.state = TrialState.RUNNING
    trial.datetime_complete = trial.datetime_start
    with pytest.raises(ValueError, match="datetime_complete"):
        adapter.check_trial(trial)


@pytest.mark.parametrize(
    ("distribution", "number", "is_in"),
    [
        (IntDistribution(0, 8, step=2), 4, True),
        (IntDistribution(0, 8, step=2), 3, False),
        (FloatDistribution(0, 1, step=0.25), 0.75, True),
        (FloatDistribution(0, 1, step=0.25), 0.7, False),
        (FloatDistribution(0, 1), 0.7, True),
        (FloatDistribution(0, 1), 1.1, False),
    ],
)
def test_contains_knows_range_and_step(distribution, number, is_in):
    assert adapter.contains(distribution, number) is is_in


def test_hyperband_shows_a_bracket_as_study_and_bracket_id():
    views = []

    class Watching(optuna.samplers.RandomSampler):
        def infer_relative_search_space(self, study, trial):
            views.append((adapter.whole_study(study), adapter.bracket_of(study)))
            return {}

    pruner = optuna.pruners.HyperbandPruner(1, 9, 3)
    study = optuna.create_study(sampler=Watching(), pruner=pruner)
    study.add_trial(create_trial(value=1.0, intermediate_values={0: 1.0}))
    pruner.prune(study, study.get_trials()[0])  # makes its brackets
    study.ask().suggest_float("x", 0, 1)
    ((whole, bracket),) = views
    assert whole is study
    assert bracket in range(3)
    assert (adapter.whole_study(study), adapter.bracket_of(study)) == (study, None)


def test_a_journal_is_read_as_optuna_reads_it_and_the_other_way_round(tmp_path, monkeypatch):
    monkeypatch.setattr("sweep.search.journal.LINES_AT_ONCE", 2)
    path = tmp_path / "study.journal"
    ours, optunas = Journal(path), JournalFileBackend(str(path))
    assert list(ours.read_logs(0)) == []
    logs = [{"number": number, "value": float("nan")} for number in range(7)]
    ours.append_logs(logs[:3])
    assert repr(list(optunas.read_logs(0))) == repr(logs[:3]) == repr(list(ours.read_logs(0)))
    optunas.append_logs(logs[3:])
    with path.open("a") as file:
        file.write('{"half":')  # by who writes just now
    for begun_from in (3, 7, 0, 5):
        assert repr(list(ours.read_logs(begun_from))) == repr(logs[begun_from:])


@pytest.mark.filterwarnings("ignore:QMCSampler is experimental")
def test_find_sample_id_says_which_point_of_the_sequence_is_drawn():
    def point(number):
        sampler = adapter.PointQMCSampler(qmc_type="halton", scramble=False, seed=0)
        sampler.set_point(number)
        study = optuna.create_study(sampler=sampler)
        study.add_trial(
            create_trial(value=1.0, params={"x": 0.1}, distributions={"x": FloatDistribution(0, 1)})
        )
        return study.ask().suggest_float("x", 0, 1)

    assert [point(1), point(2), point(3), point(1)] == [0.5, 0.25, 0.75, 0.5]


def test_enqueued_values_stand_where_a_trial_looks_for_them(study):
    study.enqueue_trial({"x": 0.25})
    assert study.get_trials()[0].system_attrs[adapter.ENQUEUED_VALUES] == {"x": 0.25}
    attributes = {adapter.ENQUEUED_VALUES: {"x": 0.75}}
    study.add_trial(create_trial(state=TrialState.RUNNING, system_attrs=attributes))
    trial = adapter.attach(study, study.get_trials()[-1])
    assert trial.suggest_float("x", 0, 1) == 0.75


def test_cma_es_begins_the_names_of_its_pickles_so():
    study = optuna.create_study(sampler=optuna.samplers.CmaEsSampler(seed=0, n_startup_trials=1))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1), 9)
    names = {name for trial in study.get_trials() for name in trial.system_attrs}
    assert any(name.startswith(adapter.PREFIXES_OF_PICKLES) for name in names)


@pytest.mark.parametrize("kind", ["journal", "database"])
def test_a_storage_says_not_found_of_a_trial_that_is_gone(tmp_path, kind):
    if kind == "journal":
        storage = optuna.storages.JournalStorage(Journal(tmp_path / "journal"))
    else:
        storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/study.db")
    with pytest.raises(KeyError) as raised:
        storage.get_trial(7)
    if kind == "database":
        storage.engine.dispose()
    assert raised.value.args == (adapter.NOT_FOUND,)
