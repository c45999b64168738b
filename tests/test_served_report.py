"""``sweep report --serve``: the report of a sweep that runs, in a browser."""

import psutil
import pytest

from support.browser import open_page
from support.command import TOY, Running, sweep
from support.folders import sweep_of_all_kinds
from support.serving import ask, serving
from sweep.experience.folder import experiences_in


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("served") / "root"
    sweep_of_all_kinds(root)
    return root


def test_the_page_follows_a_sweep_that_runs_and_keeps_what_was_chosen(tmp_path):
    running = Running(tmp_path, "--trials", 3, "--epochs", 200, hold=2).held()
    with serving("report", TOY, "--root", tmp_path, "--serve") as (address, _), open_page() as page:
        page.goto(address)
        page.locator("[data-figure=courbes] svg.main-svg").first.wait_for()
        assert "1 running" in page.locator("header").inner_text()
        page.get_by_label("metric").first.select_option("val_loss")
        before = page.evaluate("texts.stamp")
        running.go_on(slowly=True)
        page.wait_for_function("before => texts.stamp !== before", arg=before, timeout=60_000)
        page.locator("[data-figure=courbes] svg.main-svg").first.wait_for()
        chosen = page.get_by_label("metric").first.evaluate("one => one.selectedOptions[0].text")
        assert chosen == "val_loss"
        assert page.problems == []
        assert {url.split("/")[2] for url in page.requests if url.startswith("http")} == {
            address.removeprefix("http://")
        }
    running.kill_tree()


def test_before_the_first_epoch_the_page_says_so(tmp_path):
    running = Running(tmp_path, "--trials", 1, hold=0).held()
    with serving("report", TOY, "--root", tmp_path, "--serve") as (address, _):
        status, page = ask(address)
        assert (status, b"has no trained epoch yet" in page) == (200, True)
    running.kill_tree()


def test_it_is_read_only_and_for_this_machine_only(never_run, root):
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with serving("report", never_run, "--root", root, "--serve") as (address, process):
        assert ask(address, Host="evil.example")[0] == 403
        assert ask(address, "POST", {})[0] == 403
        assert ask(f"{address}/../secret")[0] == 404
        assert ask(f"{address}/courbes.png")[1].startswith(b"\x89PNG")
        assert ask(address, "HEAD") == (200, b"")
        name = next(one.id for one in experiences_in(root) if one.log.exists())
        assert ask(f"{address}/experiences/{name}/log.csv")[0] == 200
        connections = psutil.Process(process.pid).net_connections()
        listening = [one for one in connections if one.status == psutil.CONN_LISTEN]
        assert [one.laddr.ip for one in listening] == ["127.0.0.1"]
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_one_file_is_not_served(never_run, root):
    done = sweep("report", never_run, "--root", root, "--serve", "--single-file")
    assert done.returncode == 2
    assert done.stderr == (
        "sweep: --single-file writes a page and --serve serves one: leave out one of the two.\n"
    )
    done = sweep("report", never_run, "--root", root, "--port", "0")
    assert done.stderr == "sweep: --port is for a page that is served: add --serve.\n"
