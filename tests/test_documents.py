"""The documents are true: every command and every code block in them is run, and links resolve."""

import json
import re

import pytest

from support.documents import DOCUMENTS, HERE, REASONS, WIDTH, Reader, blocks, missing

FRENCH = HERE / "README.fr.md"
PAGES = [*DOCUMENTS, FRENCH, HERE / "CONTRIBUTING.md", HERE / "CHANGELOG.md"]
NOTEBOOKS = sorted((HERE / "notebooks").glob("*.ipynb"))
FENCE = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
INLINE_LINK = re.compile(r"\]\(([^)\s]+)\)")
DEFINITION = re.compile(r"^\[([^\]]+)\]: (\S+)$", re.MULTILINE)


@pytest.mark.long
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_all_that_a_document_says_to_do_can_be_done(document, tmp_path):
    with Reader(tmp_path) as reader:
        reader.read(document)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_what_is_not_run_has_a_good_reason(document):
    reasons = {block.says["not run"] for block in blocks(document) if "not run" in block.says}
    assert reasons <= set(REASONS)


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    text = FENCE.sub("", document.read_text())
    targets = INLINE_LINK.findall(text) + [target for _, target in DEFINITION.findall(text)]
    for link in targets:
        path, _, title = link.partition("#")
        if "://" in link:
            continue
        target = (document.parent / path) if path else document
        assert target.exists(), link
        if title:
            headings = [line for line in target.read_text().splitlines() if line.startswith("#")]
            assert title in map(anchor, headings), link


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_the_names_of_links_are_defined_and_used(document):
    text = FENCE.sub("", document.read_text())
    defined = {name for name, _ in DEFINITION.findall(text)}
    named = set(re.findall(r"\]\[([^\]]+)\]", text))
    assert named <= defined
    assert not {name for name in defined if text.count(f"[{name}]") == 1}


def test_every_test_that_a_document_names_is_there():
    tests = "".join(path.read_text() for path in (HERE / "tests").glob("test_*.py"))
    there = {path.name for path in (HERE / "tests").glob("test_*.py")}
    there |= set(re.findall(r"^def (test_\w+)", tests, re.MULTILINE))
    for document in PAGES:
        named = re.findall(r"`(?:tests/)?(test_[a-z0-9_]+(?:\.py)?)`", document.read_text())
        assert set(named) <= there | {"test_mine.py"}, document


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_no_line_of_a_document_is_too_long(document):
    lines = enumerate(document.read_text().splitlines(), 1)
    assert not {number: line for number, line in lines if len(line) > WIDTH}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_no_line_of_text_in_a_notebook_is_too_long(notebook):
    cells = json.loads(notebook.read_text())["cells"]
    lines = [line for cell in cells for line in "".join(cell["source"]).splitlines()]
    lines = [line for line in lines if "# @param" not in line]  # Colab reads a form by its lines
    assert not [line for line in lines if len(line) > WIDTH]


def test_the_french_readme_has_the_same_blocks_but_for_their_comments():
    def code(document):
        return [
            (block.language, re.sub("#.*", "", block.text), block.says)
            for block in blocks(document)
        ]

    assert code(FRENCH) == code(HERE / "README.md")


def anchor(heading):
    """Return what links to a heading, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lstrip("# ").lower()).replace(" ", "-")


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (
            "trial 0 9611737ea52bd1dc: finished, val_acc 0.8306 (epoch 18)",
            "trial 0 a07d3a73dd056ab1: finished, val_acc 0.91 (epoch 7)",
        ),
        ("3 to train take up to 2.6 MB of the disk", "3 to train take up to 758.4 kB of the disk"),
        (
            "  5  946559458e0f4e9e  finished   0.9806     19  adam",
            "3  187cf83b10757c2d  finished 0.97 5 sgd",
        ),
        ("… finished, 1 interrupted", "7 finished, 1 interrupted"),
        (
            "process 12271 on vm, begun 2026-11-24T07:25:44 UTC",
            "process 7 on other, begun 2027-01-01T00:00:00 UTC",
        ),
        (
            "a line that is long,\n  and is wrapped " + "x" * 70,
            "a line that is long, and is wrapped " + "x" * 70,
        ),
    ],
)
def test_what_differs_by_nature_may_differ(shown, said):
    assert missing(shown.splitlines(), f"before\n{said}\nafter") is None


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (
            "trial 0 9611737ea52bd1dc: finished, val_acc 0.8306 (epoch 18)",
            "trial 0 9611737ea52bd1dc: failed",
        ),
        ("3 to train take up to 2.6 MB of the disk", "4 to train take up to 2.6 MB of the disk"),
        (
            "5  946559458e0f4e9e  finished   0.9806     19  adam",
            "5  946559458e0f4e9e  finished   0.9806     19",
        ),
        ("7 finished, 1 interrupted", "7 finished, 2 interrupted"),
        ("a short line\nis not wrapped", "a short line is not wrapped"),
    ],
)
def test_what_does_not_may_not(shown, said):
    assert missing(shown.splitlines(), said) == shown.splitlines()[0]


def test_where_numbers_differ_a_plural_may_too():
    shown = "trained 27 batches (2 sessions, 1 interrupted)"
    assert missing([shown], "trained 1 batches (1 session, 0 interrupted)", True) is None
    assert missing([shown], "trained 1 batches (1 trial, 0 interrupted)", True) == shown


def test_the_lines_shown_must_come_in_their_order():
    assert missing(["one", "…", "two"], "one\nmore\ntwo") is None
    assert missing(["two", "one"], "one\ntwo") == "one"


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ echo one\ntwo\n```\n",
        "```console\n$ false\n```\n",
        "<!-- exits with 2 -->\n```console\n$ true\n```\n",
        "```console\nno command\n```\n",
        "<!-- nothing known -->\n```console\n$ true\n```\n",
        "```python\nraise SystemExit(1)\n```\n",
        "```python\ndef suggest(trial):\n    return {}\n```\n",
        "```yaml\na: 1\n```\n",
        "  ```console\n  $ false\n  ```\n",
        "<!-- in the background -->\n```console\n$ true\nit runs\n```\n",
    ],
)
def test_a_document_that_is_wrong_is_found_out(text, tmp_path):
    document = tmp_path / "wrong.md"
    document.write_text(text)
    with Reader(tmp_path) as reader, pytest.raises(AssertionError, match=r"wrong\.md"):
        reader.read(document)


def test_a_document_that_is_right_is_read_to_its_end(tmp_path):
    document = tmp_path / "right.md"
    document.write_text(
        "<!-- file: notes/one.txt -->\n```text\nnot a picture\n```\n"
        "<!-- exits with 3 -->\n```console\n$ pwd\n/home/you/sweep\n"
        "$ ls\nMakefile\n…\nsearch_spaces\n$ exit 3\n```\n"
        "<!-- in the background -->\n```console\n$ echo at 8080; sleep 60\nat 8080\n```\n"
        "```python\nfrom pathlib import Path\nPath('read').touch()\n```\n"
    )
    with Reader(tmp_path) as reader:
        reader.read(document)
        assert reader.started[0].poll() is None
    assert reader.started[0].poll() is not None
    assert (reader.clone / "read").exists()


def test_a_search_space_is_shorter_than_the_script_that_it_was():
    (document,) = (path for path in DOCUMENTS if path.stem == "from-a-script")
    texts = {block.says["file"]: block.text for block in blocks(document) if "file" in block.says}
    script, space = (
        sum(bool(line.strip()) for line in texts[name].splitlines())
        for name in ("fine_tune.py", "search_spaces/tuned.py")
    )
    assert space < script
