"""The Optuna dashboard on a sweep, in a real browser.

It shows the numbers of the folders, and nobody can take the study.
"""

import json
import os
import re
import time

import psutil
import pytest
from optuna.trial import TrialState

from support.browser import WIDTHS, faint_texts, open_page, overlapping_texts
from support.command import TOY, Running, results, run, sweep, table
from support.folders import sweep_of_all_kinds
from support.serving import ask
from support.serving import serving as served
from sweep.experience.folder import experiences_in
from sweep.experience.snapshot_reader import SnapshotReader
from sweep.web import dashboard_study
from sweep.web.dashboard_study import study_of_folders

WRITES = [
    ("DELETE", "/api/studies/0"),
    ("POST", "/api/studies"),
    ("POST", "/api/studies/0/rename"),
    ("PUT", "/api/studies/0/0/note"),
    ("POST", "/api/trials/0/tell"),
    ("POST", "/api/artifacts/0/0"),
    ("DELETE", "/api/artifacts/0/0/0-0"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("shown") / "root"
    sweep_of_all_kinds(root)
    return root


def serving(of, root, *words):
    return served("dashboard", of, "--root", root, *words)


def trials(address):
    status, content = ask(f"{address}/api/studies/0")
    assert status == 200
    return json.loads(content)["trials"]


def content_of(root):
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_a_browser_shows_the_numbers_of_results(root, never_run):
    rows = {row["trial"]: row for row in results(root, never_run)}
    before = content_of(root)
    with serving(never_run, root) as (address, _), open_page() as browser:
        browser.goto(f"{address}/dashboard/studies/0")
        best = max(
            (row for row in rows.values() if row["state"] == "finished"),
            key=lambda row: row["val_acc"],
        )
        browser.get_by_text(f"Best Trial (number={best['trial']})").wait_for()
        assert str(best["val_acc"]) in browser.locator("body").inner_text()
        for number in (best["trial"], 6, 7, 9):
            row = rows[number]
            browser.goto(f"{address}/dashboard/studies/0/trials?numbers={number}")
            browser.get_by_role("heading", name=f"Trial {number}").wait_for()
            shown = browser.locator("body").inner_text()
            assert f"id_experience {row['id_experience']}" in shown
            assert f"best_epoch {row['epoch']}" in shown
            assert f"{row['epoch']} {row['val_acc']}" in shown, "the epoch's intermediate value"
            if row["state"] == "finished":
                assert re.search(rf"Value\s+{row['val_acc']}", shown)
        browser.goto(f"{address}/dashboard/studies/0/trials?numbers=6")
        browser.get_by_text("sessions 3").wait_for()
        browser.get_by_text("cuts 1").wait_for()
        picture = browser.locator("img[src*='/artifacts/']")
        picture.wait_for()
        browser.wait_for_function(
            "document.querySelector(\"img[src*='/artifacts/']\").naturalWidth === 1920"
        )
        browser.get_by_role("link", name=f"the folder of {rows[6]['id_experience']}").click()
        browser.get_by_role("link", name="log.csv").wait_for()
        assert browser.problems == []
    assert content_of(root) == before, "to look is to write nothing"


# The dashboard is Optuna's, and made for a laptop: on a phone it scrolls sideways, and on a
# projector a choice lies over the name of a time.
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_pages_are_legible_and_no_wider_than_the_screen(root, never_run, scheme):
    with serving(never_run, root) as (address, _), open_page("laptop", scheme) as browser:
        for path, shown in (
            ("", "canvas, svg.main-svg"),
            ("/trials?numbers=6", "img[src*='/artifacts/']"),
            ("/analytics", "svg.main-svg"),
        ):
            browser.goto(f"{address}/dashboard/studies/0{path}")
            browser.locator(shown).first.wait_for()
            across = browser.evaluate("document.documentElement.scrollWidth")
            assert across <= WIDTHS["laptop"][0], path
            assert faint_texts(browser) == [], path
            # In the charts, which are Optuna's, the labels of small ones do.
            assert overlapping_texts(browser, but_in=".js-plotly-plot") == [], path


def test_the_rows_of_the_log_are_a_file_of_the_trial(never_run, root):
    with serving(never_run, root) as (address, _):
        for trial in trials(address):
            attributes = {
                one["key"]: json.loads(one["value"])
                if one["key"] != "id_experience"
                else one["value"]
                for one in trial["user_attrs"]
                if one["key"] in ("id_experience", "sessions")
            }
            name = attributes["id_experience"].strip('"')
            files = {file["filename"]: file["artifact_id"] for file in trial["artifacts"]}
            log = root / name / "log.csv"
            assert set(files) == ({"log.csv", "courbe.png"} if log.exists() else set())
            if log.exists():
                status, content = ask(
                    f"{address}/artifacts/0/{trial['trial_id']}/{files['log.csv']}"
                )
                assert (status, content) == (200, log.read_bytes())
            assert ask(f"{address}/experiences/{name}/experience.json")[0] == 200


def test_it_is_read_only(never_run, root):
    before = content_of(root)
    with serving(never_run, root) as (address, _):
        for method, path in WRITES:
            status, content = ask(address + path, method, {"body": "x", "version": 1})
            assert status == 403
            assert "read-only" in json.loads(content)["reason"]
        assert len(trials(address)) == 12
    assert content_of(root) == before


def test_it_answers_this_machine_only(never_run, root):
    with serving(never_run, root) as (address, process):
        assert ask(f"{address}/api/studies", Host="evil.example")[0] == 403
        assert ask(f"{address}/api/studies", Host="localhost")[0] == 200
        listening = [
            one
            for one in psutil.Process(process.pid).net_connections()
            if one.status == psutil.CONN_LISTEN
        ]
        assert [one.laddr.ip for one in listening] == ["127.0.0.1"]
        name = next(experiences_in(root)).id
        for path in (
            f"/experiences/{name}/../../secret",
            f"/experiences/{name}/pulse.json",
            "/experiences/../x/",
            "/experiences/",
        ):
            assert ask(address + path)[0] == 404


def test_a_link_that_somebody_laid_is_not_followed(never_run, tmp_path):
    drawn = sweep_of_all_kinds(tmp_path / "root")
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    log = next(drawn.root.glob("*/log.csv"))
    log.unlink()
    log.symlink_to(secret)
    with serving(never_run, drawn.root) as (address, _):
        assert ask(f"{address}/experiences/{log.parent.name}/log.csv")[0] == 404
        assert not [
            file
            for trial in trials(address)
            for file in trial["artifacts"]
            if log.parent.name in file["artifact_id"]
        ]


def test_epochs_arrive_while_a_training_runs(tmp_path):
    running = Running(tmp_path, "--trials", 2, "--epochs", 200, hold=2).held().go_on(slowly=True)
    with serving(TOY, tmp_path) as (address, _):
        seen, until = set(), time.monotonic() + 60
        while len(seen) < 3:
            assert time.monotonic() < until
            (trial,) = trials(address)
            assert trial["state"] == "Running"
            seen.add(len(trial["intermediate_values"]))
            time.sleep(0.2)
    running.kill_tree()


def test_changes_are_made_to_the_study_itself_and_the_folders_stay(tmp_path):
    run(tmp_path, "--trials", 2)
    before = {
        one.id: (one.log.read_bytes(), one.record.read_bytes()) for one in experiences_in(tmp_path)
    }
    rows = table(tmp_path)
    with serving(TOY, tmp_path, "--allow-changes") as (address, _):
        said = sweep("run", TOY, "--root", tmp_path, "--trials", 2)
        assert said.returncode == 1
        assert "is in use by process" in said.stderr
        status, _ = ask(
            f"{address}/api/studies/0/1/note", "PUT", {"body": "a note of mine", "version": 2}
        )
        assert status == 204
        note = {"body": "a note of a foreign page", "version": 3}
        assert (
            ask(f"{address}/api/studies/0/1/note", "PUT", note, Origin="http://evil.example")[0]
            == 403
        )
        status, content = ask(
            f"{address}/api/artifacts/0/1", "POST", {"file": "x", "filename": "x"}
        )
        assert (status, b"put yours there" in content) == (403, True)
    with serving(TOY, tmp_path, "--allow-changes") as (address, _):
        assert trials(address)[1]["note"]["body"] == "a note of mine"
        assert str(tmp_path) not in trials(address)[0]["note"]["body"], "a page may be handed on"
        assert (
            ask(f"{address}/api/studies/0", "DELETE", {"remove_associated_artifacts": True})[0]
            == 204
        )
        assert json.loads(ask(f"{address}/api/studies")[1])["study_summaries"] == []
    assert {
        one.id: (one.log.read_bytes(), one.record.read_bytes()) for one in experiences_in(tmp_path)
    } == before
    assert "the study is missing: it is rebuilt from the folders" in run(tmp_path, "--trials", 2)
    assert table(tmp_path) == rows


def test_a_port_that_is_taken_is_one_sentence(never_run, root):
    with serving(never_run, root) as (address, _):
        port = address.rpartition(":")[2]
        done = sweep("dashboard", never_run, "--root", root, "--port", port)
        assert done.returncode == 1
        assert done.stderr == (
            f"sweep: Port {port} of 127.0.0.1 cannot be served (Address already in use): "
            "name another with --port, or 0 for any.\n"
        )


def test_colab_shows_it_in_the_cell(never_run, root):
    """The proxy of Colab names itself, and is let in."""
    os.environ["COLAB_RELEASE_TAG"] = "release"
    try:
        with serving(never_run, root) as (address, _):
            assert ask(f"{address}/api/studies", Host="x-colab.example")[0] == 200
    finally:
        del os.environ["COLAB_RELEASE_TAG"]


def test_of_very_many_trials_the_best_have_their_epochs_and_the_page_says_so(root, monkeypatch):
    snapshot = SnapshotReader(root, lambda text: None).look()
    whole = study_of_folders("toy", snapshot).trials
    assert dashboard_study.left_out(len(whole)) == ""
    monkeypatch.setattr(dashboard_study, "MOST_DETAILED", 3)
    monkeypatch.setattr(dashboard_study, "MOST_STEPS", 2 * len(whole))
    assert dashboard_study.left_out(len(whole)) == (
        f"the page has the values and parameters of all {len(whole)} trials, the learning curves "
        "of the best 3, and the notes and files of the best 2"
    )
    best = [row["trial"] for row in snapshot.rows()[:3]]
    for trial, before in zip(study_of_folders("toy", snapshot).trials, whole, strict=True):
        assert (trial.state, trial.values, trial.params) == (
            before.state,
            before.values,
            before.params,
        )
        if trial.number in best or trial.state is TrialState.RUNNING:
            assert trial.intermediate_values == before.intermediate_values
        else:
            assert trial.intermediate_values == {}
            assert set(trial.user_attrs) <= {"id_experience", "reason"}
