"""The notebook for Colab runs from top to bottom, is cut in the middle, and resumes.

The French one is its twin.
"""

import ast
import html
import importlib.metadata
import io
import itertools
import json
import os
import re
import sys
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import nbclient
import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from rich.console import Console

from support.bits import trained
from support.command import Tree, sessions
from support.stand_ins import SPACE, control
from sweep.console.screens import screen_for
from sweep.experience.backup_files import newest_position
from sweep.experience.folder import experiences_in

REPOSITORY = Path(__file__).parent.parent
COLAB = Path(__file__).parent / "colab"
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
ENGLISH, FRENCH = (REPOSITORY / "notebooks" / name for name in ("colab.ipynb", "colab.fr.ipynb"))
TRIALS, EPOCHS = 3, 120  # so long that the next one has a backup, and is not at its end


class Colab(Tree):
    """A virtual machine of Colab at "Run all"; a disconnect is ``kill_tree``.

    Args:
        machine: the folder of its own disk.
        notebook: the path.
        folder: stands for the folder in Drive.
    """

    def __init__(self, machine, notebook, folder):
        kernel = machine / "jupyter" / "kernels" / "python3" / "kernel.json"
        kernel.parent.mkdir(parents=True)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        kernel.write_text(
            json.dumps(
                {"argv": argv, "display_name": "the Python of the tests", "language": "python"}
            )
        )
        (machine / "content").mkdir()
        self.asked, self._executed = machine / "asked", machine / "executed.ipynb"
        here = {
            "COLAB_ASKED": self.asked,
            "COLAB_RELEASE_TAG": "release-colab",
            "IPYTHONDIR": machine / "ipython",
            "JUPYTER_PATH": machine / "jupyter",
            "JUPYTER_PLATFORM_DIRS": 1,
            "JUPYTER_RUNTIME_DIR": machine / "runtime",
            "PYTHONWARNINGS": "ignore:IProgress not found",  # Colab has ipywidgets
            "PYTHONPATH": os.pathsep.join(
                [str(COLAB), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
        }
        choices = {
            "SPACE": "digits_mlp",
            "TRIALS": TRIALS,
            "EPOCHS": EPOCHS,
            "FOLDER": str(folder),
            "REPOSITORY": "",
        }
        code = "\n".join(f"{name} = {value!r}" for name, value in choices.items())
        super().__init__(
            folder / "experiences" / "digits_mlp",
            [COLAB / "run_all.py", notebook, code, self._executed],
            env={**os.environ, **{name: str(value) for name, value in here.items()}},
            cwd=machine / "content",
        )

    def outputs(self):
        """Return what each cell shows, by its id: texts by MIME type, and what was printed."""
        status, said = self.end(280)
        assert status == 0, said
        cells = [
            cell
            for cell in nbformat.read(self._executed, as_version=4).cells
            if cell.cell_type == "code"
        ]
        return {cell.id: _shown(cell.outputs) for cell in cells}


def _shown(outputs):
    """Return the outputs of one cell as a dict; what was printed is "stdout" and "stderr"."""
    shown = {}
    for output in outputs:
        data = {output.name: output.text} if output.output_type == "stream" else output.data
        for kind, content in data.items():
            shown[kind] = shown.get(kind, "") + str(content)
    return shown


@pytest.fixture
def drive(tmp_path):
    """Return a function that makes the folder in a Drive of its own, with the project in it."""

    def make(name):
        folder = tmp_path / name / "4A4"
        folder.mkdir(parents=True)
        (folder / "sweep").symlink_to(REPOSITORY)
        return folder

    return make


@pytest.fixture
def run_all(tmp_path):
    """Return a function that runs a notebook on a machine of its own, with a folder in Drive."""
    machines = []

    def start(notebook, folder):
        machines.append(Colab(tmp_path / f"machine {len(machines)}", notebook, folder))
        return machines[-1]

    yield start
    for machine in machines:
        if machine.process.poll() is None:
            machine.kill_tree()


def one_is_done_and_the_next_has_a_backup(root):
    records = {one: one.read() for one in experiences_in(root)}
    ended = [one for one, record in records.items() if record and record.outcome]
    positions = [newest_position(one.sauvegarde) for one in records if one not in ended]
    return len(ended) == 1 and bool(positions and positions[0] and positions[0].epoch)


@pytest.mark.long
@pytest.mark.cold
@pytest.mark.timeout(900)
def test_a_notebook_that_is_cut_and_run_again_goes_on_and_ends_as_its_uncut_twin(drive, run_all):
    folder = drive("cut")
    cut = run_all(ENGLISH, folder).wait_for(one_is_done_and_the_next_has_a_backup, 200)
    cut.kill_tree()
    before = sessions(cut.root)
    (finished,) = (one.id for one in experiences_in(cut.root) if one.read().outcome)
    assert len(before) == 2

    again = run_all(ENGLISH, folder)
    shown = again.outputs()
    assert_all_is_shown(shown, again.asked, right="right", after="after")
    (at,) = re.findall(
        r"1 finished, 1 interrupted \(trial 1 at (epoch [1-9]\d*, batch \d+)\)",
        shown["run"]["stdout"],
    )
    assert f"resumes at {at}" in shown["run"]["stdout"]
    assert "1 interrupted)" in shown["status"]["stdout"]
    assert sessions(again.root)[finished] == before[finished] == 1
    assert sorted(sessions(again.root).values()) == [1, 1, 2]

    uncut = run_all(FRENCH, drive("uncut"))
    assert_all_is_shown(uncut.outputs(), uncut.asked, right="juste ", after="après")
    assert set(sessions(uncut.root).values()) == {1}
    assert trained(again.root) == trained(uncut.root)
    assert len(trained(uncut.root)) == TRIALS


def assert_all_is_shown(shown, asked, right, after):
    """Assert that each cell of a notebook that was run shows what the text above it says."""
    assert not [cell for cell, outputs in shown.items() if "stderr" in outputs], shown
    assert re.fullmatch(
        r"mount /content/drive\niframe /dashboard\S* 200 text/html\n", asked.read_text()
    )
    tensorflow = re.search(r"TensorFlow (\S+) \w+, (\S+) (\w+)\n", shown["install"]["stdout"])
    assert tensorflow[1] == tensorflow[2]
    assert tensorflow[3] == after
    assert "finished, val_acc 0." in shown["run"]["stdout"]
    assert "text/html" in shown["look"]
    assert "id_experience" in shown["results"]["text/html"]
    assert "plotly" in str(shown["curves"])
    assert f"{TRIALS} finished" in shown["status"]["stdout"]
    assert "rapport" in shown["report"]["text/plain"]
    assert "learning_rate" in shown["best"]["text/plain"]
    numbers = re.fullmatch(
        rf"{right}: (0\.\d{{4}}), val_acc .* log\.csv ?: (0\.\d{{4}})\n", shown["predict"]["stdout"]
    )
    assert numbers[1] == numbers[2]
    assert "image/png" in shown["confusion"]


def code_of(cell):
    """Return the code of a cell without comments and without what is written for people.

    That is texts with spaces, and languages.
    """
    tree = ast.parse(TransformerManager().transform_cell(cell.source))
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            node.values = [value for value in node.values if isinstance(value, ast.FormattedValue)]
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and _is_for_people(node.value)
        ):
            node.value = ""
    return ast.dump(tree)


def _is_for_people(text):
    return " " in text or text in ("en", "fr")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_kept_whole_and_without_what_it_once_showed(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [cell.id for cell in code if cell.outputs or cell.execution_count is not None]
    assert not [cell.id for cell in notebook.cells if "attachments" in cell]
    assert not re.findall(r"/(?:home|root|tmp|work|Users)/", path.read_text())
    assert [cell.id for cell in code if "parameters" in cell.metadata.get("tags", [])] == ["choose"]


def test_the_notebook_in_french_is_the_same_in_other_words():
    ours, theirs = (nbformat.read(path, as_version=4).cells for path in (ENGLISH, FRENCH))
    assert [(cell.id, cell.cell_type, cell.metadata) for cell in ours] == [
        (cell.id, cell.cell_type, cell.metadata) for cell in theirs
    ]
    for our, their in zip(ours, theirs, strict=True):
        if our.cell_type == "code":
            assert code_of(our) == code_of(their), our.id
            assert _commands(our) == _commands(their), our.id
        else:
            assert our.source != their.source, our.id


def _commands(cell):
    return re.findall(r"^ *[!%].*", cell.source, re.MULTILINE)


def test_each_cell_of_code_has_a_text_above_it():
    for path in NOTEBOOKS:
        kinds = [cell.cell_type for cell in nbformat.read(path, as_version=4).cells]
        assert ("code", "code") not in itertools.pairwise(kinds), path


def test_the_search_spaces_that_the_notebook_offers_are_those_whose_data_are_installed():
    choose = next(
        cell for cell in nbformat.read(ENGLISH, as_version=4).cells if cell.id == "choose"
    )
    offered = json.loads(
        re.search(r"^SPACE = .*# @param (\[.*\]) ", choose.source, re.MULTILINE)[1]
    )
    spaces = (REPOSITORY / "search_spaces").glob("*.py")
    assert sorted(offered) == sorted(
        path.stem for path in spaces if "keras-sweep[examples]" not in path.read_text()
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_fresh_machine_clones_and_installs_once_and_leaves_its_tensorflow_alone(
    path, tmp_path, monkeypatch, capsys
):
    (cell,) = (cell for cell in nbformat.read(path, as_version=4).cells if cell.id == "install")
    installed, ran = {"tensorflow": "2.20.0"}, []

    class Shell:
        """What IPython gives a cell, on a machine that has TensorFlow and not yet sweep."""

        def system(self, command):
            ran.append(command.split()[:2])
            (tmp_path / "sweep" / "search_spaces").mkdir(parents=True)
            (tmp_path / "sweep" / "search_spaces" / "mine.py").touch()

        def run_line_magic(self, name, line):
            ran.append([name, line.split()[0]])
            installed["keras-sweep"] = "0.1.0"

    def version(name):
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    def run_cell(repository):
        known = {
            "SPACE": "mine",
            "PROJECT": str(tmp_path / "sweep"),
            "REPOSITORY": repository,
            "get_ipython": Shell,
        }
        exec(TransformerManager().transform_cell(cell.source), known)  # noqa: S102 - it is ours

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(FileNotFoundError, match=r"mine\.py"):
        run_cell("")
    for _ in range(2):
        run_cell("https://example.org/sweep.git")
    assert ran == [["git", "clone"], ["pip", "install"]]
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
    assert first.count("2.20.0") == 2


def executed(folder, *cells):
    """Run cells in a kernel of their own, and return the notebook with their outputs."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": folder}}
    ).execute()
    return notebook


def values_of_widgets(notebook):
    widgets = notebook.metadata.get("widgets", {})
    states = widgets.get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    return [one["state"]["value"] for one in states.values() if one["model_name"] == "HTMLModel"]


@pytest.mark.parametrize("has_widgets", [True, False])
def test_a_notebook_has_bars_in_place_where_there_are_widgets_and_lines_elsewhere(
    tmp_path, has_widgets
):
    (tmp_path / "space.py").write_text(SPACE)
    control(tmp_path / "root", tmp_path / "space.py", trials=6)
    without = "" if has_widgets else "import sys; sys.modules['ipywidgets'] = None; "
    notebook = executed(
        tmp_path,
        f"{without}import sweep; search = sweep.Sweep('space.py', 'root')",
        "search.watch()",
        "search",
    )
    watched, shown = (_shown(cell.outputs) for cell in notebook.cells[1:])
    assert ("application/vnd.jupyter.widget-view+json" in watched) == has_widgets
    assert ["6/6 trials" in value for value in values_of_widgets(notebook)] == [True] * has_widgets
    assert "6 finished" in watched["stdout"]
    assert "\x1b" not in watched["stdout"]
    assert "<table" in shown["text/html"], "of the best trials"
    assert 'src="data:image/png;base64,' in shown["text/html"], "the learning curves"
    assert str(tmp_path) not in shown["text/html"]


def test_a_widget_shows_the_latest_drawing_and_keeps_the_last(monkeypatch):
    displayed, drawn = [], ["the first"]
    monkeypatch.setattr("IPython.display.display", displayed.append)
    monkeypatch.setattr("sweep.console.screens.is_notebook", lambda: True)
    with screen_for(Console(file=io.StringIO()), lambda: drawn[-1]):
        (widget,) = displayed
        for text in ("the second", "<b>the third"):
            drawn.append(text)
            until = time.monotonic() + 30
            while html.escape(text) not in widget.value:
                assert time.monotonic() < until, widget.value
                time.sleep(0.01)
        drawn.append("the last")
    assert "the last" in widget.value
