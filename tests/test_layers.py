"""The layers of the package: who may import whom, what is heavy, and how long anything may be."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "sweep"
# From the ground up. Packages beside each other, in one set, never import each other.
LAYERS = [
    {"version"},
    {"wording"},
    {"errors"},
    {"system"},
    {"choice", "names", "options"},
    {"settings"},
    {"space"},
    {"experience"},
    {"training", "search"},
    {"console"},
    {"running", "maintenance"},
    {"web", "export"},
    {"best_trial"},
    {"sweep_view"},
    {"api"},
    {"__init__", "testing"},
    {"cli_options", "cli_output"},
    {"cli_commands"},
    {"cli"},
    {"__main__"},
]
LAYER = {name: number for number, layer in enumerate(LAYERS) for name in layer}
PACKAGES = sorted(
    ".".join(path.parent.relative_to(PACKAGE).parts) for path in PACKAGE.rglob("*/__init__.py")
)
# Where each heavy distribution may be imported.
HEAVY = {
    "keras": ("training", "best_trial"),
    "tensorflow": ("training",),
    "optuna": ("search", "running", "maintenance.merge_check", "web.dashboard_study"),
    "joblib": ("running.training_loop", "training.data.loading"),
    "distributed": ("running.dask_cluster", "running.dask_worker"),
    "h5py": ("training",),
    "pandas": (
        "console.results",
        "web.tables",
        "web.page",
        "web.page_table",
        "web.report",
        "sweep_view",
    ),
    "plotly": (
        *("web.plotly_curves", "web.plotly_figures", "web.plotly_style"),
        *("web.report", "web.served_report", "sweep_view"),
    ),
    "matplotlib": ("web.matplotlib_figures",),
    "tensorboard": ("export.tensorboard_files",),
    "mlflow": ("export.mlflow_runs",),
    "wandb": ("export.wandb_folders",),
    "optuna_dashboard": ("web.dashboard", "web.dashboard_study"),
}
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in PACKAGE.rglob("*.py")
)
MOST_LINES, MOST_LINES_OF_A_FUNCTION, MOST_ARGUMENTS, MOST_COLUMNS = 300, 40, 6, 100


def path_of(module):
    return PACKAGE / f"{module.replace('.', '/')}.py"


@functools.cache
def tree_of(module):
    return ast.parse(path_of(module).read_text())


def layer_of(module):
    return module.partition(".")[0]


def imports(module):
    """Yield every module that ``sweep.<module>`` names in an import, those inside functions too.

    A relative import is resolved; ``import_module("…")`` with a text counts as an import.
    """
    parts = ["sweep", *module.split(".")]
    package = parts if parts[-1] == "__init__" else parts[:-1]
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = parts[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (a.value for a in node.args if isinstance(a, ast.Constant))


def ours(module):
    """Yield the layers of this package that a module imports; ``__init__`` is ``import sweep``."""
    for name in imports(module):
        first, *rest = name.split(".")
        if first == "sweep":
            yield rest[0] if rest and rest[0] in LAYER else "__init__"


def functions(module):
    return [
        node
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_every_module_has_a_layer():
    assert {layer_of(module) for module in MODULES} == set(LAYER)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_its_own_package_and_lower_ones_only(module):
    own = layer_of(module)
    upward = {other for other in ours(module) if other != own and LAYER[other] >= LAYER[own]}
    assert not upward, f"{module} imports {upward}"


def test_the_test_sees_every_form_of_import(tmp_path, monkeypatch):
    forms = {
        "import sweep": "__init__",
        "import sweep.web.report": "web",
        "from sweep import SweepError": "__init__",
        "from sweep import web": "web",
        "from sweep.web import report": "web",
        "from .. import web": "web",
        "from ..web import report": "web",
        "def later():\n    import sweep.web": "web",
        "import importlib\nimportlib.import_module('sweep.web')": "web",
    }
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    (tmp_path / "system").mkdir()
    for number, (text, layer) in enumerate(forms.items()):
        (tmp_path / "system" / f"form_{number}.py").write_text(text)
        assert layer in set(ours(f"system.form_{number}")), text


@pytest.mark.parametrize("package", HEAVY)
def test_a_heavy_package_is_imported_where_it_belongs_only(package):
    users = {
        module
        for module in MODULES
        if any(name.split(".")[0] == package for name in imports(module))
    }
    assert not {
        module
        for module in users
        if not f"{module}.".startswith(tuple(f"{place}." for place in HEAVY[package]))
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_introduced_by_one_docstring_that_names_its_files_in_order(package):
    (docstring,) = tree_of(f"{package}.__init__").body
    text = ast.literal_eval(docstring.value)
    folder = PACKAGE / package.replace(".", "/")
    there = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    there |= {f"{path.parent.name}/" for path in folder.glob("*/__init__.py")}
    assert not {name for name in there if name not in text}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_too_long(module):
    lines = path_of(module).read_text().splitlines()
    assert len(lines) <= MOST_LINES
    assert not [line for line in lines if len(line) > MOST_COLUMNS]
    sizes = {node.name: node.end_lineno - node.lineno + 1 for node in functions(module)}
    assert not {name: size for name, size in sizes.items() if size > MOST_LINES_OF_A_FUNCTION}


@pytest.mark.parametrize("module", MODULES)
def test_a_constructor_takes_six_arguments_at_most(module):
    for node in functions(module):
        if node.name == "__init__":
            count = len(node.args.args) + len(node.args.kwonlyargs) - 1
            assert count <= MOST_ARGUMENTS, f"{module}:{node.lineno}"


@pytest.mark.parametrize("module", MODULES)
def test_every_attribute_is_set_in_the_constructor(module):
    """An attribute that is first set elsewhere hides in which order the methods must be called."""
    for node in ast.walk(tree_of(module)):
        if not isinstance(node, ast.ClassDef):
            continue
        set_in = {
            method.name: {
                target.attr
                for target in ast.walk(method)
                if isinstance(target, ast.Attribute)
                and isinstance(target.ctx, ast.Store)
                and isinstance(target.value, ast.Name)
                and target.value.id == "self"
            }
            for method in node.body
            if isinstance(method, ast.FunctionDef)
        }
        declared = {item.target.id for item in node.body if isinstance(item, ast.AnnAssign)}
        declared |= {
            t.id for item in node.body if isinstance(item, ast.Assign) for t in item.targets
        }
        declared |= {
            item.name
            for item in node.body
            if isinstance(item, ast.FunctionDef)
            and any(ast.unparse(one).endswith(".setter") for one in item.decorator_list)
        }
        first = set_in.pop("__init__", set()) | declared
        late = {name: attributes - first for name, attributes in set_in.items()}
        assert not {name: found for name, found in late.items() if found}, node.name


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
