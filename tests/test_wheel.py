"""The wheel, installed beside a project of the user's own."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent
BUILD = "import sys, hatchling.build; print(hatchling.build.build_wheel(sys.argv[1]))"
HELPER = "UNITS = 8\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return a function that runs ``sweep`` of an environment that has the wheel, from a folder."""
    folder = tmp_path_factory.mktemp("wheel")
    clone, venv = folder / "clone", folder / "venv"
    kept_out = shutil.ignore_patterns(".*", "experiences", "tests", "__pycache__")
    shutil.copytree(HERE, clone, ignore=kept_out)
    run(sys.executable, "-c", BUILD, folder, cwd=clone)
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=folder)
    packages = next(venv.glob("lib/python*/site-packages"))
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))  # all but sweep
    pip = (sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install")
    run(*pip, "--no-deps", "--no-index", "--quiet", wheel, cwd=folder)
    shutil.rmtree(clone)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def sweep(*words, cwd):
        return run(venv / "bin" / "sweep", *words, cwd=cwd, env=environment)

    return sweep


def run(*words, **how):
    done = subprocess.run(
        [*map(str, words)], capture_output=True, text=True, check=False, timeout=240, **how
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.long
def test_an_installed_sweep_works_in_a_project_of_ones_own(installed, tmp_path):
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    (project / "lab").mkdir(parents=True)
    elsewhere.mkdir()
    (project / "pyproject.toml").touch()
    made = installed("new", "lab/mine.py", "--like", "digits_mlp", cwd=project)
    assert made.stdout == "lab/mine.py\n"
    space, helper = project / "lab" / "mine.py", project / "lab" / "helper.py"
    text = (HERE / "search_spaces" / "digits_mlp.py").read_text()
    assert space.read_text() == text
    choices = "[16, 32, 64, 128]"
    assert choices in text
    docstring, rest = text.split("\n", 1)
    space.write_text(f"{docstring}\nimport helper\n{rest.replace(choices, '[helper.UNITS]')}")
    helper.write_text(HELPER)
    run_it = ("run", space, "--trials", 1, "--epochs", 1)
    done = installed(*run_it, cwd=elsewhere)
    root = project / "experiences" / "mine"
    assert f"mine in {root}: 0 finished, 0 interrupted, 0 failed, 1 to do" in done.stderr
    assert Path(done.stdout.splitlines()[-1]).is_relative_to(root)
    (record,) = (json.loads(path.read_text()) for path in root.glob("*/experience.json"))
    assert record["parameters"]["units"] == 8
    assert list(record["search_space"]["modules"]) == ["helper"]
    assert "0 to do" in installed(*run_it, cwd=space.parent).stderr
    assert not list(elsewhere.iterdir())
