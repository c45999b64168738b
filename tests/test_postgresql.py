"""A study on a real PostgreSQL that is cut off and comes back.

The sweep waits, says so, and loses and doubles nothing.
"""

import itertools
import signal
import sys
import threading
import time
from pathlib import Path

import optuna
import pytest

from support.bits import trained
from support.command import TOY, Running, logged, run, sweep, table
from support.folders import Search, suggest_numbers
from support.lacking import lacking
from support.postgresql import PASSWORD, Server, Wire, programs
from support.search import search
from support.tiers import sampled
from sweep.errors import Misuse, StoppedWaiting, SweepError
from sweep.experience.record import Outcome, State
from sweep.search.storage import read_trials
from sweep.search.study import Study
from sweep.search.study_check import compare_study
from sweep.search.study_factory import StudyOptions
from sweep.system import files
from sweep.wording import without_password

TRIALS = 2
UNTRAINED = 12  # TPE draws the first ten at random


@pytest.fixture(scope="session", autouse=True)
def server():
    if programs() is None:
        lacking("PostgreSQL", "postgresql")
    server = Server()
    yield server
    server.remove()


@pytest.fixture
def running(server):
    """Return the server, which runs again after the test."""
    yield server
    if server.process.poll() is not None:
        server.start()


@pytest.fixture
def url(server, tmp_path):
    """Return the URL of a database of the test's own."""
    server.ask(f'CREATE DATABASE "{tmp_path.name}"')
    return server.url(tmp_path.name)


@pytest.fixture(scope="session")
def tables(server):
    """Return the name of a database that has Optuna's tables, to be copied."""
    server.ask("CREATE DATABASE tables")
    optuna.storages.RDBStorage(server.url("tables")).engine.dispose()
    return "tables"


@pytest.fixture
def wire(server, tables, tmp_path, monkeypatch):
    """Return a wire that has the URL of a database of the test's own."""
    monkeypatch.setattr(files, "FIRST_PAUSE_S", 0.01)
    server.ask(f'CREATE DATABASE "{tmp_path.name}" TEMPLATE {tables}')
    wire = Wire(server.port)
    wire.url = server.url(tmp_path.name, wire.port)
    yield wire
    wire.close()


@pytest.fixture
def closing():
    """Close the connections of each study that is given to it."""
    studies = []
    yield lambda study: studies.append(study) or study
    for study in studies:
        study.optuna_study._storage._backend.engine.dispose()


@pytest.fixture
def open_study(closing):
    def open_study(url, pruner="none", say=lambda text: None, stop=None, sampler="tpe"):
        return closing(Study("toy", url, StudyOptions(sampler, pruner=pruner), say, stop))

    return open_study


@pytest.fixture
def uncut(whole):
    """Return the root of an uncut sweep into a journal."""
    return whole(TRIALS)


def assert_equal(root, url, uncut):
    assert trained(root) == trained(uncut)
    assert table(root) == table(uncut)
    assert in_study(url) == in_study(uncut / "study.journal")


def in_study(where):
    return [
        (one.number, one.state, one.value, one.params, one.intermediate_values)
        for one in read_trials("toy", where)
    ]


def test_a_sweep_that_is_stopped_while_it_waits_has_saved_all_and_goes_on(
    uncut, running, url, tmp_path
):
    root, where = tmp_path / "root", ("--storage", url)
    waiting = Running(root, "--trials", TRIALS, *where, hold=1).held()
    running.kill(signal.SIGQUIT)
    waiting.go_on().wait_for(logged(3))
    waiting.wait_for(lambda root: "waiting until it does" in waiting.said())
    asked = time.monotonic()
    code, said = waiting.interrupt().end()
    assert code == 130
    assert time.monotonic() - asked < 10
    assert said.endswith("sweep: stopped, and all is saved: run the same command to resume\n")
    running.start()
    assert "is rebuilt" not in run(root, "--trials", TRIALS, *where)
    assert_equal(root, url, uncut)


def begin(study):
    trial = study.ask()
    study.suggest(
        trial,
        lambda trial: {"x": trial.suggest_float("x", 0, 1), "n": trial.suggest_int("n", 1, 9)},
    )
    return trial


def finished(value):
    return Outcome(State.FINISHED, "", values={"val_acc": value}, epoch=0)


def told(study):
    """Return all that a study knows, but the times."""
    return [
        (one.number, one.state.name, one.value, one.params, one.intermediate_values, one.user_attrs)
        for one in study.trials()
    ]


def once(how, written, number=1):
    """Return what cuts a wire at the commit of the ``number``-th transaction that writes this."""
    seen = itertools.count(1)
    return lambda words: how if written in words and next(seen) == number else None


def every(commits, how):
    seen = itertools.count(1)
    return lambda words: how if next(seen) % commits == 0 else None


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    """Return a search in a journal that nobody cut, by pruner."""
    searches = {}

    def search(pruner):
        if pruner not in searches:
            root = tmp_path_factory.mktemp("journal") / "root"
            searches[pruner] = Search(root, pruner=pruner).go_on(UNTRAINED)
        return searches[pruner]

    return search


@pytest.mark.parametrize("pruner", ["none", "median"])
def test_a_search_in_a_database_proposes_what_one_in_a_journal_does(
    journal, url, closing, tmp_path, pruner
):
    search = Search(tmp_path / "root", pruner=pruner, storage=url)
    closing(search.study)
    assert told(search.go_on(UNTRAINED).study) == told(journal(pruner).study)


def test_a_search_that_is_killed_goes_on_in_its_database(url, tmp_path):
    cut = search(url, "tpe", (0, "asked"), (9, "told"), (14, "reported"))
    assert cut == search(tmp_path / "study.journal", "tpe")
    assert [number for number, *_ in in_study(url)] == list(range(len(cut)))


@pytest.mark.parametrize(
    ("pruner", "commits", "how"),
    sampled([("none", 7, "after"), ("none", 11, "before"), ("median", 13, "after")], "median"),
)
def test_a_search_whose_wire_is_cut_again_and_again_knows_what_an_uncut_one_does(
    journal, wire, closing, tmp_path, pruner, commits, how
):
    search = Search(tmp_path / "root", pruner=pruner, storage=wire.url)
    closing(search.study)
    wire.when = every(commits, how)
    search.go_on(UNTRAINED)
    wire.hold()
    assert told(search.study) == told(journal(pruner).study)
    assert len(wire.cuts) > UNTRAINED


def test_two_workers_whose_wire_is_cut_again_and_again_lose_nothing_and_double_nothing(
    wire, open_study, server
):
    study, numbers = open_study(wire.url), []
    wire.when = every(8, "after")

    def work():
        for _ in range(8):
            trial = begin(study)
            numbers.append(trial.number)
            study.report(trial, 0, 0.5)
            study.tell(trial, finished(0.5), [0.5, 0.4])

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wire.hold()
    assert sorted(numbers) == list(range(16))
    assert [(number, state, epochs) for number, state, _, _, epochs, _ in told(study)] == [
        (number, "COMPLETE", {0: 0.5, 1: 0.4}) for number in range(16)
    ]


def live(study):
    """Let a study do each thing that it can do to its storage."""
    study.keep_to(Path("/root"))
    begin(study)
    study.empty()
    first, second, third = begin(study), begin(study), begin(study)
    study.set_attribute(first, "id_experience", "0" * 16)
    study.report(first, 0, 0.5)
    study.tell(first, finished(0.5), [0.5, 0.4])
    study.tell(second, Outcome(State.FAILED, "", "it raised"), [])
    study.keep_to(Path("/root"))
    assert study.count() == 3
    assert [trial.number for trial in study.interrupted_trials()] == [third.number]
    return told(study), study.count_states(), study.has_reached(0.5)


WRITTEN = {
    "a root": b"INSERT INTO study_user_attributes",
    "a trial": b"INSERT INTO trials ",
    "a parameter": b"INSERT INTO trial_params",
    "an attribute": b"INSERT INTO trial_user_attributes",
    "an epoch": b"INSERT INTO trial_intermediate_values",
    "an end": b"UPDATE trials SET state",
    "a deletion": b"DELETE FROM studies",
}


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("what", WRITTEN)
def test_what_was_cut_off_while_it_was_written_is_written_once(
    wire, open_study, tmp_path, what, how
):
    uncut = live(Study("toy", tmp_path / "study.journal", StudyOptions("tpe", pruner="median")))
    said = []
    study = open_study(wire.url, pruner="median", say=said.append)
    wire.when = once(
        how, WRITTEN[what], number=2 if what == "a trial" else 1
    )  # the first one is deleted
    assert live(study) == uncut
    assert len(wire.cuts) == 1
    away, back = said
    assert away.startswith(f"the study in {without_password(wire.url)} does not answer (")
    assert away.endswith("); waiting until it does")
    assert back == f"the study in {without_password(wire.url)} answers again"


@pytest.mark.parametrize("how", ["before", "after"])
def test_brute_force_ends_though_its_last_tell_was_cut_off(wire, open_study, how):
    study, seen = open_study(wire.url, sampler="brute_force"), []
    wire.when = once(how, WRITTEN["an end"], number=3)
    while not study.count_if_exhausted():
        trial = study.ask()
        seen.append(study.suggest(trial, lambda trial: trial.suggest_int("n", 1, 3)))
        study.tell(trial, finished(0.5), [0.5])
    assert sorted(seen) == [1, 2, 3]
    assert len(wire.cuts) == 1


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
def test_a_study_that_is_cut_off_while_it_is_made_again_goes_on_as_if_uncut(
    wire, closing, tmp_path, sampler
):
    how = {"sampler": sampler, "suggest": suggest_numbers}
    uncut = Search(tmp_path / "uncut", **how).go_on(8)
    search = Search(tmp_path / "root", **how).go_on(5)
    lost = Search(tmp_path / "root", **how, storage=wire.url)
    closing(lost.study)
    assert search.study.count() == 5
    wire.when = once("after", WRITTEN["a trial"], number=3)
    lost.rebuild()
    assert len(wire.cuts) == 1
    assert told(lost.go_on(8).study) == told(uncut.study)


def test_a_training_that_nobody_may_prune_does_not_wait_for_the_server(running, url, open_study):
    said = []
    study = open_study(url, say=said.append)
    trial = begin(study)
    running.kill()
    waiting = threading.Thread(target=begin, args=[study])
    begun = time.monotonic()
    assert not study.report(trial, 0, 0.5)
    waiting.start()
    time.sleep(0.5)
    assert not study.report(trial, 1, 0.6)
    assert time.monotonic() - begun < 2
    running.start()
    waiting.join()
    study.report(trial, 2, 0.7)
    study.tell(trial, finished(0.7), [0.5, 0.6, 0.7])
    assert told(study)[0][4] == {0: 0.5, 1: 0.6, 2: 0.7}
    assert [one[0] for one in told(study)] == [0, 1]
    assert len(said) == 2, "said once that it is away, and once that it is back"


def test_the_waiting_ends_where_the_sweep_is_stopped(running, url, open_study):
    stop = threading.Event()
    study = open_study(url, stop=stop)
    running.kill()
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(
        StoppedWaiting,
        match=(
            r"lab:\*\*\*@127\.0\.0\.1.* does not answer \(.*\): "
            r"the same command tells it the rest"
        ),
    ):
        study.ask()


def test_a_study_that_somebody_deletes_is_missed_in_one_sentence(url, open_study):
    study = open_study(url)
    trial = begin(study)
    optuna.delete_study(study_name="toy", storage=study.optuna_study._storage)
    for speak in (study.ask, lambda: study.tell(trial, finished(0.5), [0.5])):
        with pytest.raises(
            SweepError, match="was deleted while the sweep ran: run the same command to resume"
        ):
            speak()


def test_two_roots_cannot_share_a_study(url, open_study):
    for _ in range(2):
        open_study(url).keep_to(Path("/one"))
    with pytest.raises(
        SweepError,
        match=r"lab:\*\*\*@.* belongs to /one: name that --root, or a database of its own",
    ):
        open_study(url).keep_to(Path("/two"))


def test_a_cut_on_the_way_is_noticed_soon_unless_the_user_knows_better(url, open_study):
    for more, expected in (("", "30"), ("?keepalives_idle=7&application_name=lab", "7")):
        study = open_study(url + more)
        with study.optuna_study._storage._backend.engine.connect() as connection:
            how = connection.connection.driver_connection.info.get_parameters()
        assert (how["keepalives_idle"], how["tcp_user_timeout"]) == (expected, "30000")


def test_to_look_at_a_database_makes_nothing_in_it(server, url, tmp_path):
    assert compare_study("toy", url, {}) == (
        True,
        f"{without_password(url)} holds none yet: run makes it from the folders",
    )
    assert (
        server.ask(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'", url.rpartition("/")[2]
        )
        == []
    )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (f":{PASSWORD}@", ":wr0ng@", 'password authentication failed for user "lab"'),
        ("127.0.0.1:", "127.0.0.1:1", "(invalid port number|Connection refused)"),
        ("/test", "/no_test", 'database "no_test.*" does not exist'),
    ],
)
def test_a_database_that_cannot_be_opened_is_one_sentence_at_once(url, old, new, reason):
    wrong = url.replace(old, new)
    assert wrong != url
    for open_it in (
        lambda: Study("toy", wrong, StudyOptions("tpe")),
        lambda: compare_study("toy", wrong, {}),
    ):
        with pytest.raises(
            SweepError, match=f"{reason}.*; check that the server runs and that the URL"
        ) as raised:
            open_it()
        assert "wr0ng" not in str(raised.value)
        assert PASSWORD not in str(raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "missing"),
    [
        ("postgresql+psycopg://lab:secret@127.0.0.1/db", "psycopg"),
        ("postgresql://lab:secret@127.0.0.1/db", "psycopg"),
        ("postgres://lab:secret@127.0.0.1/db", "sqlalchemy.dialects:postgres"),
    ],
)
def test_a_driver_that_is_not_installed_is_named(url, missing, monkeypatch):
    for driver in ("psycopg", "psycopg2"):
        monkeypatch.setitem(sys.modules, driver, None)
    for open_it in (
        lambda: Study("toy", url, StudyOptions("tpe")),
        lambda: compare_study("toy", url, {}),
    ):
        with pytest.raises(
            Misuse,
            match=r"write postgresql\+psycopg://…, and pip install 'keras-sweep\[postgresql\]'",
        ) as raised:
            open_it()
        assert missing in str(raised.value)
        assert "secret" not in str(raised.value)


def test_a_sweep_whose_server_is_killed_waits_and_says_so_and_ends_as_if_uncut(
    uncut, running, url, tmp_path
):
    root, where = tmp_path / "root", ("--storage", url)
    cut = Running(root, "--trials", TRIALS, *where, hold=1).held()
    running.kill()
    cut.go_on().wait_for(logged(3))  # the training goes on
    cut.wait_for(lambda root: "waiting until it does" in cut.said())
    for name, other in (("run", tmp_path / "other"), ("verify", uncut)):
        away = sweep(name, TOY, "--root", other, *where)
        assert away.returncode == 1
        assert away.stderr.endswith(
            "; check that the server runs and that the URL of --storage is right.\n"
        )
        assert (
            f"The study in {without_password(url)} is out of reach (connection failed: "
            in away.stderr
        )
        assert "Traceback" not in away.stderr
        assert PASSWORD not in away.stderr + away.stdout
    running.start()
    code, said = cut.end()
    assert code == 0, said
    assert said.count(f"the study in {without_password(url)} does not answer (") == 1
    assert said.count("); waiting until it does\n") == 1
    assert said.count(f"the study in {without_password(url)} answers again\n") == 1
    assert "Traceback" not in said
    assert_equal(root, url, uncut)
    assert sweep("rebuild", TOY, "--root", root, *where).returncode == 0
    assert in_study(url) == in_study(uncut / "study.journal")
    checked = sweep("verify", TOY, "--root", root, *where)
    assert checked.returncode == 0
    assert f"{TRIALS} trials, as in the folders" in checked.stdout
