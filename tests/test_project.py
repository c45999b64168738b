"""The user's own modules belong to the search space: they are found, fingerprinted, run as read."""

import inspect
import linecache
import os
import pickle
import subprocess
import sys
import traceback
from importlib.util import spec_from_file_location

import pytest

from support.command import in_keras
from sweep.errors import SweepError
from sweep.space.project import close_all
from sweep.space.search_space import load
from sweep.space.source import find

SPACE = '''"""A search space that is never trained."""
import helpers

FIXED = {"epochs": 1, "batch_size": 32, "seed": 0}

def suggest(trial):
    return {}

def load_data():
    return helpers.load()

def build_model(parameters):
    return None
'''
HELPERS = '"""Of the user."""\n\n\ndef load():\n    return "as it was read"\n'


@pytest.fixture
def project(tmp_path):
    """Return a function that writes files beside a search space and gives its source."""

    def write(files, space=SPACE, folder="project"):
        for name, text in {"space.py": space, **files}.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return find(str(tmp_path / folder / "space.py"))

    return write


@pytest.fixture(autouse=True)
def nothing_is_left_open():
    """Close the project that a test leaves open, for other tests look at ``sys.path`` too."""
    yield
    close_all()
    sys.modules.pop("helpers", None)


def names(source):
    return [module.name for module in source.modules]


def changes(before, after):
    return after.changes_since(before.identity())


FAILS = 'raise AssertionError("to be found, a module is not imported")\n'


@pytest.mark.parametrize(
    ("imports", "files", "found"),
    [
        ("import helpers", {"helpers.py": FAILS}, ["helpers"]),
        ("import helpers as h, json", {"helpers.py": FAILS}, ["helpers"]),
        ("from helpers import load", {"helpers.py": FAILS}, ["helpers"]),
        ("def f():\n    import helpers", {"helpers.py": FAILS}, ["helpers"]),
        (
            "import helpers",
            {"helpers.py": "import more", "more.py": "import helpers"},
            ["helpers", "more"],
        ),
        (
            "import lib.sub.deep",
            dict.fromkeys(("lib/__init__.py", "lib/sub/__init__.py", "lib/sub/deep.py"), FAILS),
            ["lib", "lib.sub", "lib.sub.deep"],
        ),
        (
            "from lib import one, two, THREE",
            dict.fromkeys(("lib/__init__.py", "lib/one.py", "lib/two.py", "lib/x.py"), FAILS),
            ["lib", "lib.one", "lib.two"],
        ),
        (
            "import lib",
            {
                "lib/__init__.py": "from . import one\nfrom .sub import two",
                "lib/one.py": "",
                "lib/sub/__init__.py": "from ..three import X",
                "lib/sub/two.py": "from ... import beyond",
                "lib/three.py": "X = 1",
            },
            ["lib", "lib.one", "lib.sub", "lib.sub.two", "lib.three"],
        ),
        ("import space.without.init", {"space/x.py": FAILS}, ["space"]),
        ("import lib.one", {"lib/one.py": FAILS}, ["lib.one"]),
        ("from lib.deep import one", {"lib/deep/one.py": FAILS}, ["lib.deep.one"]),
        ("import json, keras, sklearn.datasets, sweep.cli, nowhere", {"json.py": FAILS}, []),
        ("import helpers", {"helpers.py": "this is no Python", "keras.py": ""}, ["helpers"]),
        ("this is no Python", {"helpers.py": FAILS}, []),
    ],
)
def test_a_module_is_own_if_it_lies_beside_the_search_space_and_is_imported_anyhow(
    project, imports, files, found
):
    before = set(sys.modules)
    assert names(project(files, imports)) == found
    assert set(sys.modules) == before


def test_own_is_what_python_finds_elsewhere_too_unless_it_is_installed(
    project, tmp_path, monkeypatch
):
    for folder in ("mine", "target", "venv/site-packages"):
        (tmp_path / folder).mkdir(parents=True)
        monkeypatch.syspath_prepend(tmp_path / folder)
    (tmp_path / "target" / "other-1.0.dist-info").mkdir()
    (tmp_path / "mine" / "helpers.py").write_text("WHERE = 'PYTHONPATH'")
    (tmp_path / "target" / "targeted.py").write_text(FAILS)
    (tmp_path / "venv" / "site-packages" / "installed.py").write_text("WHERE = 'installed'")
    hidden = dict.fromkeys(("helpers.py", "targeted.py", "installed.py"), FAILS)
    source = project(hidden, SPACE.replace("import helpers", "import helpers, targeted, installed"))
    assert [module.path for module in source.modules] == [tmp_path / "mine" / "helpers.py"]
    assert source.imported_modules() == ["installed", "targeted"]


def test_a_module_is_found_that_is_no_older_than_what_python_knows_of_its_folder(project, tmp_path):
    project({})
    folder = tmp_path / "project"
    then = folder.stat().st_mtime_ns
    (folder / "helpers.py").write_text(HELPERS)
    os.utime(folder, ns=(then, then))
    assert names(find(str(folder / "space.py"))) == ["helpers"]


class Finder:
    """Stands for the finder that setuptools gives an editable install."""

    def __init__(self, path):
        self.path = path

    def find_spec(self, name, path=None, target=None):
        return spec_from_file_location(name, self.path) if name == self.path.stem else None


def test_own_is_an_editable_install_that_has_a_finder_of_its_own(project, tmp_path, monkeypatch):
    (tmp_path / "editable.py").write_text(HELPERS)
    monkeypatch.setattr(
        sys, "meta_path", [*sys.meta_path, object(), Finder(tmp_path / "editable.py")]
    )
    source = project({}, SPACE.replace("helpers", "editable"))
    (tmp_path / "editable.py").write_text(FAILS)
    assert names(source) == ["editable"]
    assert load(source).load_data() == "as it was read"


def test_what_own_modules_import_is_made_warm_and_they_themselves_are_not(project):
    files = {"helpers.py": "import csv\nfrom lib import one", "lib/one.py": "import json.decoder"}
    assert project(files).imported_modules() == ["csv", "json.decoder"]


def test_what_runs_is_what_was_read_though_the_files_were_changed_and_deleted(project, tmp_path):
    files = {
        "helpers.py": "from lib import one\n\n\ndef load():\n    return one.load()\n",
        "lib/__init__.py": "",
        "lib/one.py": "from . import two\n\n\ndef load():\n    return two.VALUE\n",
        "lib/two.py": "VALUE = 'as it was read'\n",
    }
    source = pickle.loads(pickle.dumps(project(files)))  # noqa: S301 # as a training gets it
    project({"helpers.py": FAILS, "lib/two.py": FAILS}, space=FAILS)
    (tmp_path / "project" / "lib" / "one.py").unlink()
    assert load(source).load_data() == "as it was read"
    assert sys.modules["lib"].__path__ == [str(tmp_path / "project" / "lib")]
    assert sys.modules["helpers"].__file__ == str(tmp_path / "project" / "helpers.py")
    assert not list(tmp_path.rglob("*.pyc"))


def test_a_package_finds_its_own_files(project):
    helpers = "import pkgutil\nimport importlib.resources\n\n\ndef load():\n"
    helpers += "    found = importlib.resources.files(__name__).joinpath('a.txt').read_bytes()\n"
    helpers += "    return found + pkgutil.get_data(__name__, 'a.txt')\n"
    source = project({"helpers/__init__.py": helpers, "helpers/a.txt": "a"})
    assert load(source).load_data() == b"aa"


def test_byte_code_of_another_text_is_not_read(project, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    first = project({"helpers.py": HELPERS})
    monkeypatch.syspath_prepend(tmp_path / "project")
    __import__("helpers")
    assert list(tmp_path.rglob("*.pyc"))
    project({"helpers.py": HELPERS.replace("read", "kept")})
    assert load(first).load_data() == "as it was read"


@pytest.mark.parametrize("change", ["edited", "deleted"])
def test_who_asks_for_the_lines_of_a_function_gets_those_that_run(project, tmp_path, change):
    loaded = load(project({"helpers.py": HELPERS}))
    for name in ("helpers.py", "space.py"):
        path = tmp_path / "project" / name
        path.write_text("# a line more\n" * 9) if change == "edited" else path.unlink()
    loaded.load_data()
    for _ in range(2):
        assert "as it was read" in inspect.getsource(sys.modules["helpers"].load)
        assert "helpers.load()" in inspect.getsource(sys.modules["search_spaces.space"].load_data)
        linecache.checkcache()
        linecache.updatecache(str(tmp_path / "project" / "helpers.py"))


def test_autograph_compiles_the_text_that_was_read(project, tmp_path):
    source = project(
        {"helpers.py": HELPERS}, SPACE.replace("return helpers.load()", "return 'space'")
    )
    code = f"""
import json, pathlib, sys
import tensorflow as tf
from sweep.space.source import find; from sweep.space.search_space import load
source = find({str(source.path)!r})
for name in ("space.py", "helpers.py"):
    path = pathlib.Path({str(source.path.parent)!r}) / name
    text = path.read_text().replace("return '", "return 'now ")
    path.write_text(text.replace('return "', 'return "now '))
load(source)
functions = (sys.modules["search_spaces.space"].load_data, sys.modules["helpers"].load)
print(json.dumps([tf.autograph.to_code(function) for function in functions]))
"""
    of_space, of_helpers = in_keras(code)
    assert "'space'" in of_space
    assert "'as it was read'" in of_helpers


def test_a_traceback_shows_the_lines_that_ran(project):
    raising = "def load():\n    raise ValueError('of line 2')\n"
    source = project({"helpers.py": raising})
    project({"helpers.py": "# a line more\n" * 9 + raising})
    with pytest.raises(ValueError, match="of line 2") as raised:
        load(source).load_data()
    text = "".join(traceback.format_exception(raised.value))
    assert "helpers.py\", line 2, in load\n    raise ValueError('of line 2')\n" in text


def test_a_module_that_cannot_be_imported_is_one_sentence(project):
    with pytest.raises(
        SweepError, match=r"space.py, line 2: SyntaxError: .*\(helpers.py, line 1\)"
    ):
        load(project({"helpers.py": "this is no Python"}))


def test_a_module_of_another_search_space_is_not_taken_for_one_of_this(project):
    one = project({"helpers.py": HELPERS}, folder="one")
    other = project({"helpers.py": HELPERS.replace("read", "kept")}, folder="other")
    bare = project({}, SPACE.replace("import helpers", ""), folder="bare")
    for source, says in (
        (one, "as it was read"),
        (other, "as it was kept"),
        (one, "as it was read"),
    ):
        assert load(source).load_data() == says
        assert names(find(str(source.path))) == ["helpers"]
    with pytest.raises(NameError):
        load(bare).load_data()
    assert "helpers" not in sys.modules
    assert not {str(source.path.parent) for source in (one, other)} & set(sys.path)


def test_the_modules_of_the_caller_are_theirs_again_once_all_is_done(
    project, tmp_path, monkeypatch
):
    source = project({"helpers.py": HELPERS})
    monkeypatch.syspath_prepend(tmp_path / "project")
    theirs = __import__("helpers")
    source = find(str(source.path))
    load(source)
    assert sys.modules["helpers"] is not theirs
    load(source)
    close_all()
    assert sys.modules.pop("helpers") is theirs
    project({"helpers.py": HELPERS.replace("read", "kept now")})
    assert __import__("helpers").load() == "as it was kept now"
    del sys.modules["helpers"]


def test_a_change_of_an_own_module_is_named_with_its_file(project):
    files = {"helpers.py": HELPERS, "lib/__init__.py": "X = 1", "lib/io.py": "Y = 1"}
    imports = "import helpers, lib.io"
    before = project(files, imports)
    assert changes(before, project(files, imports)) == []
    comments = HELPERS.replace("Of the user", "Ours").replace("    return", "    # why\n    return")
    assert changes(before, project({"helpers.py": comments}, imports)) == []
    helpers = HELPERS.replace("read", "kept") + "Z = 1\n"
    after = project(
        {"helpers.py": helpers, "lib/__init__.py": "X = 2", "lib/io.py": "no Python"}, imports
    )
    assert changes(before, after) == [
        *("load in helpers.py", "Z in helpers.py", "X in lib/__init__.py"),
        *("the text in lib/io.py", "Y in lib/io.py"),
    ]
    fewer = project(files, "import helpers")
    what = "the imports and other statements"
    assert changes(before, fewer) == [what, "the module lib (gone)", "the module lib.io (gone)"]
    assert changes(fewer, before) == [what, "lib/__init__.py (new)", "lib/io.py (new)"]


def test_an_older_record_knows_of_no_modules_and_none_is_compared(project):
    source = project({"helpers.py": HELPERS})
    code = {
        name: value for name, value in source.identity().items() if name in ("name", "fingerprint")
    }
    assert project({"helpers.py": HELPERS.replace("read", "kept")}).changes_since(code) == []


def test_a_training_runs_what_was_read_when_the_sweep_began(trainer, space, tmp_path):
    path = space(("from sklearn.datasets import load_digits", "from helpers import load_digits"))
    (tmp_path / "helpers.py").write_text("from sklearn.datasets import load_digits\n")
    parameters = {"units": 4, "rate": 0.3, "epochs": 1, "batch_size": 50, "seed": 0}
    job = trainer.job(path, tmp_path / "root", parameters=parameters)
    job.experience.path.mkdir(parents=True)
    for name in ("helpers.py", "cut.py", "toy.py"):
        (tmp_path / name).write_text(FAILS)
    trainer.order.unlink(missing_ok=True)
    assert trainer.place.train(job, trainer.stop, lambda news: None).ending == "outcome"
    record = job.experience.read()
    assert (record.outcome.state, record.outcome.reason) == ("finished", None)
    assert sorted(record.search_space["modules"]) == ["cut", "helpers"]


PARSING_AT_ONCE = """
import gc, threading, time
from pathlib import Path
from sweep.space import fingerprint
from sweep.space import project

gc.set_threshold(100)
gc.callbacks.append(lambda phase, info: time.sleep(1e-5))  # lets another thread go on in mid-parse
text = Path(project.__file__).read_text()
trees = []
work = lambda: trees.extend(fingerprint.tree_of(text) for _ in range(10))
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(trees) == 40
"""


def test_code_is_parsed_in_several_threads_at_once():
    """Python 3.11 alone raises a SystemError there."""
    done = subprocess.run([sys.executable, "-c", PARSING_AT_ONCE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
