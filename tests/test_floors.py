"""Imports run one way: ground, then Keras beside Optuna, then the controller, then the command line."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "sweep"
OF_KERAS = {
    "data",
    "ownership",
    "forms",
    "reachable",
    "hidden",
    "structure",
    "state",
    "hdf5",
    "module_state",
    "loading",
    "batches",
    "streams",
    "steps",
    "class_weight",
    "callbacks",
    "backup",
    "building",
}
FLOORS = [
    {"calm", "errors", "language", "aims", "plain_files"},
    {
        *("choice", "files", "identity", "schemas", "host", "log", "enumeration", "pulse", "gpu"),
        *("server", "opened", "kept", "project", "proof", "cache_lock"),
    },
    {"settings", "sampler", "pruner"},
    {"record", "search_space", "meilleur", "storage", "enqueued"},
    {"experience", "new"},
    {"resume", "job", "root", "voice"},
    {"damage", "known", "lease", "session", "guard"},
    {"work"},
    {"folders", "frozen", "extension", "proposals", "take_up"},
    {
        *OF_KERAS,
        *("training", "warm", "evaluate", "study"),
    },
    {"watch", "measure", "loader"},
    {"certificate"},
    {"places", "results", "status", "table", "disk", "merge", "verify"},
    {"live", "tidy", "axes", "importances", "limits", "warm_start"},
    {"progress", "curves", "display"},
    {"figures", "pictures"},
    {"station", "trials", "trouble", "opening", "shown", "report"},
    {"cluster"},
    {"controller", "check", "verification", "dashboard"},
    {"signals", "testing"},
    {"door"},
    {"__init__"},
    {"options"},
    {"cli"},
    {"__main__"},
]
FLOOR = {module: number for number, floor in enumerate(FLOORS) for module in floor}
HEAVY = {
    "keras": {
        *OF_KERAS,
        *("training", "measure", "certificate", "evaluate", "door"),
    },
    "tensorflow": {
        *("batches", "streams", "steps", "class_weight", "building", "training"),
        *("ownership", "forms", "reachable", "hidden", "state", "module_state", "warm"),
    },
    "optuna": {
        *("server", "storage", "voice", "enumeration", "sampler", "pruner", "frozen", "study"),
        *("importances", "merge", "proposals", "opening", "trials", "shown", "controller"),
    },
    "joblib": {"controller", "loading"},
    "distributed": {"station", "cluster"},
    "h5py": {"state", "hdf5", "certificate"},
    "pandas": {"results", "tidy", "report", "door"},
    "plotly": {"figures", "report", "door"},
    "matplotlib": {"pictures"},
    "optuna_dashboard": {"shown", "dashboard"},
}
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py"))


def imports(module):
    """Yield every module that ``sweep.<module>`` names in an import, those inside functions too."""
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_module_has_a_floor():
    assert set(MODULES) == set(FLOOR)


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_from_a_floor_above_its_own(module):
    ours = {name.split(".")[1] for name in imports(module) if name.startswith("sweep.")} & set(
        MODULES
    )
    upward = {other for other in ours if FLOOR[other] > FLOOR[module]}
    assert not upward, f"{module} imports {upward}"


@pytest.mark.parametrize("package", HEAVY)
def test_heavy_packages_are_imported_where_they_belong_only(package):
    assert {
        module
        for module in MODULES
        if any(name.split(".")[0] == package for name in imports(module))
    } <= HEAVY[package]


def test_keras_and_optuna_do_not_know_each_other():
    floor = next(floor for floor in FLOORS if "study" in floor)
    for module in floor:
        ours = {name.split(".")[1] for name in imports(module) if name.startswith("sweep.")} & floor
        assert "study" not in ours or module == "study"
        assert module != "study" or ours <= {"study"}


def test_the_controller_never_imports_tensorflow():
    code = """
import sys, sweep.running.controller, sweep.cli, sweep.console.results
print({"keras", "tensorflow", "pandas"} & set(sys.modules))
"""
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "set()"


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["results", "none.py"],
        ["status", "none.py"],
        ["best", "none.py"],
        ["run", "--help"],
        ["new", "no name"],
    ],
)
def test_quick_commands_import_neither_keras_nor_optuna(command):
    code = f"""
import sys
sys.argv = ["sweep", *{command!r}]
from sweep.cli import run_command_line
run_command_line()
print({{"keras", "tensorflow", "optuna", "pandas"}} & set(sys.modules), file=sys.stderr)
"""
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stderr
    assert said.strip().endswith("set()")
