"""``rapport/``: a browser shows the numbers of the folders, and runs nothing that anybody wrote."""

import os
import re
import shutil

import pandas as pd
import pytest
from matplotlib import image

from support.browser import WIDTHS, faint_texts, open_page, overlapping_texts
from support.command import results, sweep
from support.folders import FORMULA, SCRIPT, Drawn, sweep_of_all_kinds
from support.tiers import sampled
from sweep.experience.record import State
from sweep.web.texts import ENGLISH, FRENCH

SPACE = "toy"
PNGS = (
    *("courbes", "surapprentissage", "historique"),
    *("importances", "coordonnees", "tranches", "chronologie"),
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn") / "root"
    sweep_of_all_kinds(root)
    return root


@pytest.fixture(scope="module")
def page(never_run, root):
    return report(never_run, root)


def report(space, root, *words, **how):
    done = sweep("report", space, "--root", root, *words, **how)
    said = re.sub(r"writing .*: \d+ of \d+\n", "", done.stderr)  # where the machine is slow
    assert (done.returncode, said) == (0, ""), done.stderr
    assert done.stdout == f"{root}/rapport/index.html\n"
    return root / "rapport" / "index.html"


VIEWS = [(width, scheme) for width in WIDTHS for scheme in ("light", "dark")]


@pytest.mark.parametrize(
    ("width", "scheme"), sampled(VIEWS, ("phone", "light"), ("laptop", "dark"))
)
def test_a_browser_draws_every_figure_and_asks_no_network(page, width, scheme):
    with open_page(width, scheme) as browser:
        browser.goto(page.as_uri())
        for name in PNGS:
            figure = browser.locator(f"[data-figure={name}]")
            figure.locator("svg.main-svg").first.wait_for()
            assert figure.bounding_box()["height"] > 200
        assert browser.evaluate("document.documentElement.scrollWidth") <= WIDTHS[width][0], (
            "the page scrolls sideways"
        )
        assert browser.problems == []
        assert {url.partition(":")[0] for url in browser.requests} <= {"file", "data", "blob"}
        paper = browser.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 22, 26)")


def test_the_table_has_the_rows_of_results_and_sorts(never_run, root, page):
    rows = results(root, never_run)
    with open_page() as browser:
        browser.goto(page.as_uri())

        def column(at):
            return browser.locator(f"#trials tbody td:nth-child({at})").all_inner_texts()

        assert column(2) == [str(row["trial"]) for row in rows]
        assert column(4) == [row["id_experience"] for row in rows]
        assert column(3) == [
            "" if row["val_acc"] is None else f"{row['val_acc']:.4f}" for row in rows
        ]
        browser.get_by_role("button", name="trial", exact=True).click()
        assert column(2) == [str(number) for number in range(len(rows))]
        value = browser.get_by_role("button", name="val_acc")
        for is_descending in (False, True):
            value.click()
            shown = column(3)
            assert shown[-1] == "", "what is missing comes last, either way"
            assert shown[:-1] == sorted(shown[:-1], reverse=is_descending)
        assert browser.locator("th[aria-sort=descending]").inner_text().startswith("val_acc")


def test_cuts_are_marked_and_what_is_not_finished_is_grey(page):
    with open_page() as browser:
        browser.goto(page.as_uri())
        browser.locator("[data-figure=courbes] svg.main-svg").first.wait_for()
        traces = browser.evaluate("document.querySelector('[data-figure=courbes]').data")
        by_name = {trace["name"]: trace for trace in traces if "name" in trace}
        # The finished one was cut and stopped in epoch 8; the cut-off one was stopped, then cut, in
        # epoch 4.
        assert (
            sorted(by_name[ENGLISH.session_end]["marker"]["symbol"])
            == ["circle-open"] * 2 + ["x-thin"] * 2
        )
        assert (
            by_name[ENGLISH.not_finished]["line"]["color"]
            != by_name[ENGLISH.finished_or_running]["line"]["color"]
        )
        assert by_name[ENGLISH.not_finished]["y"].count(None) == 4, (
            "two pruned, one failed, one cut off"
        )
        assert by_name[ENGLISH.finished_or_running]["y"].count(None) == 7
        assert {ENGLISH.median, ENGLISH.band, ENGLISH.best} <= set(by_name)


def test_what_stands_in_folders_is_shown_and_never_runs(page):
    with open_page() as browser:
        browser.goto(page.as_uri())
        browser.locator("[data-figure=chronologie] svg.main-svg").first.wait_for()
        assert browser.evaluate("window.hacked") is None
        assert SCRIPT in browser.locator("#trials tbody").inner_text()
    assert SCRIPT not in page.read_text()


def test_the_tables_are_tidy_and_harmless(never_run, root, page):
    essais, epochs = (pd.read_csv(page.parent / name) for name in ("essais.csv", "epochs.csv"))
    rows = results(root, never_run)
    assert list(essais["trial"]) == [row["trial"] for row in rows]
    assert list(essais["val_acc"].dropna()) == [
        row["val_acc"] for row in rows if row["val_acc"] is not None
    ]
    assert dict(zip(essais["trial"], essais["cuts"], strict=True))[6] == 1
    assert set(essais["kind"].dropna()) == {SCRIPT, f"'{FORMULA}"}, "a spreadsheet would compute it"
    logs = {path.parent.name: pd.read_csv(path) for path in root.glob("*/log.csv")}
    assert len(epochs) == sum(map(len, logs.values()))
    for name, log in logs.items():
        mine = epochs[epochs["id_experience"] == name]
        assert list(mine["val_acc"]) == list(log["val_acc"])
        assert list(mine["epoch"]) == list(log["epoch"])
    assert (page.parent / "essais.csv").read_bytes().startswith(b"\xef\xbb\xbf"), (
        "Excel reads UTF-8 by this mark"
    )


def test_each_figure_is_a_picture_for_a_slide(page):
    for name in PNGS:
        picture = image.imread(page.parent / f"{name}.png")
        assert picture.shape[:2] == (1080, 1920), name
        assert picture[..., :3].std() > 0.02, f"{name} is empty"


def test_a_reader_chooses_the_metric_and_compares_trials(page):
    with open_page() as browser:
        browser.goto(page.as_uri())
        browser.locator("[data-figure=chronologie] svg.main-svg").first.wait_for()
        curves = "document.querySelector('[data-figure=courbes]')"
        choice = browser.locator("#courbes select")
        assert choice.locator("option").all_inner_texts()[0] == "val_acc"
        choice.select_option(label="loss")
        assert browser.evaluate(f"{curves}.layout.yaxis.title.text") == "loss"
        assert not browser.locator("#comparison").is_visible()
        for place in (0, 2):
            browser.locator("#trials tbody input").nth(place).check()
        compared = browser.locator("#compared .main-svg").first
        compared.wait_for()
        names = browser.evaluate("document.getElementById('compared').data.map((one) => one.name)")
        assert len(names) == 4, "each in training and in validation"
        shown = browser.locator("#differences tr").all_inner_texts()
        assert [line.split("\t")[0] for line in shown][:2] == ["trial", "val_acc"]
        assert not [line for line in shown if len(set(line.split("\t")[1:])) == 1]


def test_what_all_trials_share_is_no_column(page):
    with open_page() as browser:
        browser.goto(page.as_uri())
        headings = browser.locator("#trials th").all_inner_texts()
        assert not {"epochs", "batch_size", "seed"} & set(headings)
        assert "epochs 8, batch_size 1, seed 0" in browser.locator("#table").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", ["phone", "laptop"])
def test_every_text_is_legible_and_none_lies_over_another(page, width, scheme):
    with open_page(width, scheme) as browser:
        browser.goto(page.as_uri())
        browser.locator("[data-figure=chronologie] svg.main-svg").first.wait_for()
        assert faint_texts(browser) == []
        assert overlapping_texts(browser) == []


def test_printed_it_is_whole(page, tmp_path):
    with open_page("laptop", "dark") as browser:
        browser.goto(page.as_uri())
        browser.locator("[data-figure=chronologie] svg.main-svg").first.wait_for()
        browser.emulate_media(media="print")
        browser.evaluate("dispatchEvent(new Event('beforeprint'))")
        browser.wait_for_timeout(500)
        assert not browser.locator(".modebar").first.is_visible()
        widths = browser.locator(".plot .main-svg").evaluate_all(
            "(all) => all.map((one) => one.getBoundingClientRect().width)"
        )
        assert max(widths) <= 700, "wider than A4"
        assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )


def test_one_file_has_all_that_it_needs_and_names_no_folder_of_this_machine(
    never_run, root, tmp_path
):
    done = sweep("report", never_run, "--root", root, "--single-file")
    assert done.stdout == f"{root}/rapport/toy.html\n"
    alone = shutil.copy(done.stdout.strip(), tmp_path)
    with open_page() as browser:
        browser.goto(f"file://{alone}")
        for name in PNGS:
            browser.locator(f"[data-figure={name}] svg.main-svg").first.wait_for()
        assert browser.problems == []
        assert {url.partition(":")[0] for url in browser.requests} <= {"file", "data", "blob"}
        links = browser.locator("a").evaluate_all("(all) => all.map((one) => one.href)")
        assert {link[:15] for link in links} == {"data:image/png;"}
    assert str(root.parent) not in (tmp_path / "toy.html").read_text()


def test_a_french_excel_opens_the_tables_in_columns(never_run, root, page):
    report(never_run, root, "--lang", "fr")
    try:
        for name in ("essais.csv", "epochs.csv"):
            french = pd.read_csv(page.parent / name, sep=";", decimal=",")
            assert french["val_acc"].dtype == float, french["val_acc"]
            assert len(french.columns) > 5
    finally:
        report(never_run, root)


@pytest.mark.cold  # Python itself looks at the locale when it starts
def test_the_page_speaks_the_language_of_the_locale_or_of_lang(never_run, root):
    for words, locale, language in (
        ([], "fr_FR.UTF-8", FRENCH),
        ([], "de_DE.UTF-8", ENGLISH),
        (["--lang", "fr"], "C", FRENCH),
    ):
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("LC_")
        }
        text = report(never_run, root, *words, env={**environment, "LANG": locale}).read_text()
        assert f'<html lang="{language.code}">' in text
        assert f"<h2>{language.curves}</h2>" in text
    for name, word in vars(ENGLISH).items():
        assert type(vars(FRENCH)[name]) is type(word)
        if isinstance(word, dict) and name != "columns":
            assert vars(FRENCH)[name].keys() == word.keys()
        elif not isinstance(word, dict) and "{" in word:
            assert set(vars(FRENCH)[name].split()) & {
                part for part in word.split() if part.startswith("{")
            }


SMALL = [
    [(State.FINISHED, 8)],
    [(State.CUT_OFF, 1)],
    [(State.PRUNED, 1), (State.FAILED, 0)],
    [(State.FINISHED, 8)] * 2,
    [(State.FINISHED, 1)] * 5,
]


@pytest.mark.parametrize("kinds", sampled(SMALL, SMALL[1], SMALL[4]))
def test_a_small_sweep_is_drawn_as_far_as_there_is_something(never_run, tmp_path, kinds):
    drawn = Drawn(tmp_path / "root")
    for state, epochs in kinds:
        drawn.trial(state, epochs)
    page = report(never_run, drawn.root)
    with open_page() as browser:
        browser.goto(page.as_uri())
        browser.locator("[data-figure=courbes] svg.main-svg").first.wait_for()
        assert browser.problems == []


def test_an_earlier_picture_of_what_is_gone_is_removed(never_run, tmp_path):
    drawn = sweep_of_all_kinds(tmp_path / "root")
    page = report(never_run, drawn.root)
    for log in sorted(drawn.root.glob("*/log.csv"))[1:]:
        shutil.rmtree(log.parent)
    report(never_run, drawn.root)
    assert not (page.parent / "importances.png").exists()
    assert (page.parent / "courbes.png").exists()


def test_where_nothing_is_trained_a_sentence_says_so(never_run, tmp_path):
    Drawn(tmp_path / "root").trial(State.FAILED, 0)
    done = sweep("report", never_run, "--root", tmp_path / "root")
    assert done.returncode == 1
    assert "has no trained epoch yet" in done.stderr
    assert done.stderr.count("\n") == 1
