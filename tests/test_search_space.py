"""A search space is found, loaded, checked, and known again when its code was changed."""

import re

import pytest

from sweep.errors import Misuse
from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.search_space import load
from sweep.space.source import SpaceSource, find, what_changed

WHOLE = '''"""One line."""
import math

FIXED = {"epochs": 2, "batch_size": 32, "seed": 0}

def suggest(trial):
    """Return what one trial tries."""
    return {"units": trial.suggest_int("units", 1, 9)}

def load_data():
    return math.pi

def build_model(parameters):
    return None
'''


@pytest.fixture
def space(tmp_path):
    """Return a function that writes the text to a file and gives its source."""

    def write(text=WHOLE, name="space"):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        return find(str(path))

    return write


def refusal(source):
    with pytest.raises(SearchSpaceWrong) as refused:
        load(source)
    return str(refused.value)


def changed(before, after):
    return what_changed(
        *(SpaceSource(path=None, text=text).fingerprint() for text in (before, after))
    )


@pytest.mark.parametrize(
    "after",
    [
        WHOLE.replace("import math", "import math  # pi"),
        WHOLE.replace('"""One line."""', '"""Another line."""'),
        WHOLE.replace('    """Return what one trial tries."""\n', ""),
        WHOLE.replace(
            '{"epochs": 2, "batch_size": 32, "seed": 0}',
            "{\n    'epochs': 2,\n    'batch_size': 32, 'seed': 0,\n}",
        ),
        WHOLE.replace("\n\n", "\n\n\n"),
    ],
    ids=["comment", "docstring", "docstring of a function", "format", "blank lines"],
)
def test_what_does_not_run_is_no_change(after):
    assert after != WHOLE
    assert changed(WHOLE, after) == []


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('"units", 1, 9', '"units", 1, 8', "suggest"),
        ('"seed": 0', '"seed": 1', "FIXED"),
        ("import math", "import math, os", "the imports and other statements"),
        ("return None", "return 0", "build_model"),
        ("def load_data():\n    return math.pi\n", "", "load_data"),
    ],
)
def test_what_runs_is_a_change_and_is_named(old, new, part):
    assert old in WHOLE
    assert changed(WHOLE, WHOLE.replace(old, new)) == [part]


def test_a_whole_space_loads_and_gives_its_parameters(space):
    loaded = load(space())
    assert loaded.source.name == "space"
    assert loaded.parameters({"units": 3}) == {"units": 3, "epochs": 2, "batch_size": 32, "seed": 0}
    assert loaded.callbacks({}) == []


def test_a_later_edit_does_not_reach_a_running_sweep(space):
    source = space()
    space(WHOLE.replace("math.pi", "0"))
    assert load(source).load_data() > 3


def test_no_such_space_names_the_nearest(space, tmp_path):
    space(name="digits_mlp")
    with pytest.raises(Misuse, match=r"did you mean digits_mlp\?"):
        find(str(tmp_path / "digit_mlp.py"))
    with pytest.raises(Misuse, match="has digits_mlp"):
        find(str(tmp_path / "zzz.py"))
    with pytest.raises(Misuse, match="has no Python files"):
        find(str(tmp_path / "nowhere" / "zzz.py"))


def test_a_file_of_the_folder_needs_no_folder_but_another_folder_is_another_file():
    assert find("digits_mlp.py") == find("digits_mlp") == find("search_spaces/digits_mlp.py")
    with pytest.raises(Misuse, match=r"no search space nowhere/digits_mlp\.py"):
        find("nowhere/digits_mlp.py")


def test_a_folder_or_bytes_are_no_space(tmp_path):
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder.py").mkdir()
    for name in ("bytes.py", "folder.py"):
        with pytest.raises(Misuse, match="cannot be read"):
            find(str(tmp_path / name))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            WHOLE.replace("import math", "import maths"),
            "space.py, line 2: ModuleNotFoundError: No module named 'maths'",
        ),
        (
            WHOLE.replace("def suggest(trial):", "def suggest(trial)"),
            "space.py, line 6: SyntaxError: expected ':'",
        ),
        (
            WHOLE.replace("FIXED = {", "1 / 0; FIXED = {"),
            "space.py, line 4: ZeroDivisionError: division by zero",
        ),
        (WHOLE.replace("import math", "raise SystemExit(3)"), "space.py, line 2: SystemExit: 3"),
        (
            WHOLE.replace("def suggest", "def sugest"),
            "no function suggest: rename sugest to suggest(…)",
        ),
        (
            WHOLE.replace("def load_data", "def other"),
            "no function load_data: add def load_data(…)",
        ),
        (WHOLE.replace("FIXED =", "FIXD ="), "has FIXD and no FIXED: rename FIXD to FIXED"),
        (WHOLE + "callbacks = []\n", "callbacks is a list; write def callbacks(parameters)"),
        (WHOLE.replace("FIXED = {", "FIXED = {1} or {"), "FIXED is a set; write a dict"),
    ],
)
def test_a_space_that_cannot_be_used_says_where_what_and_the_mend(space, text, says):
    message = refusal(space(text))
    assert says in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("fixed", "suggested", "says"),
    [
        ({"epochs": 0, "batch_size": 1, "seed": 0}, {}, "epochs is 0; give an integer from 1"),
        (
            {"epochs": 1, "batch_size": -1, "seed": 0},
            {},
            "batch_size is -1; give an integer from 1",
        ),
        ({"epochs": 1, "batch_size": 2.5, "seed": 0}, {}, "batch_size is 2.5"),
        ({"epochs": True, "batch_size": 2, "seed": 0}, {}, "epochs is True"),
        ({"epochs": 1, "batch_size": 2, "seed": -1}, {}, "seed is -1; give an integer from 0"),
        ({"epochs": 1, "seed": 0}, {}, "no parameter 'batch_size'; add it to FIXED"),
        (
            {"epochs": 1, "batch_size": 1, "seed": 0},
            {"seed": 1},
            "suggest returns 'seed', which is also in FIXED",
        ),
        (
            {"epochs": 1, "batch_size": 1, "seed": 0},
            None,
            "suggest returns a NoneType; return a dict",
        ),
    ],
)
def test_parameters_that_no_training_can_have_are_refused(space, fixed, suggested, says):
    loaded = load(space(WHOLE.replace('{"epochs": 2, "batch_size": 32, "seed": 0}', repr(fixed))))
    with pytest.raises(SearchSpaceWrong) as refused:
        loaded.parameters(suggested)
    assert says in str(refused.value)


def test_a_space_may_import_its_neighbours_and_hide_no_package(space):
    space("WORD = 'beside'", name="neighbour")
    space("raise AssertionError('hides a package')", name="json")
    source = space(
        WHOLE.replace("import math", "import json, neighbour, math").replace(
            "math.pi", "neighbour.WORD"
        )
    )
    assert load(source).load_data() == "beside"
    assert source.imported_modules() == ["json", "math"]


PHASES = "\n\ndef phases(parameters):\n    return {}\n\n\ndef fine_tune(model):\n    pass\n"


def with_phases(returned, fixed='"epochs": 2, '):
    return WHOLE.replace('"epochs": 2, ', fixed) + PHASES.format(returned)


def test_the_epochs_of_phases_are_those_of_the_training(space):
    for fixed in ('"epochs": 5, ', ""):
        loaded = load(space(with_phases("[(2, None), [3, fine_tune]]", fixed)))
        parameters = loaded.parameters({"units": 3})
        assert parameters["epochs"] == 5
        assert [phase.epochs for phase in loaded.phases_of(parameters)] == [2, 3]


def test_phases_may_divide_the_epochs(space):
    loaded = load(space(with_phases('[(1, None), (parameters["epochs"] - 1, fine_tune)]')))
    assert loaded.parameters({"units": 3})["epochs"] == 2


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        ("[(2, None), (3, fine_tune)]", "phases has 5 epochs together, and epochs is 2"),
        ("[]", "phases returns []; return [(5, None), (10, fine_tune)]."),
        ("None", "phases returns None; return [(5, None), (10, fine_tune)]."),
        ("[2, 3]", "phases has 2; write pairs of epochs and a function or None"),
        ("[(0, None)]", "phases has 0 epochs; give an integer from 1 on"),
        ("[(True, None)]", "phases has True epochs"),
        ('[(2, "fine_tune")]', "phases has 'fine_tune' to prepare the model; give a function"),
        ("[(2, lambda a, b, c: None)]", "asks for c, which it is not given"),
        ('[(parameters["head"], None)]', "KeyError: 'head'"),
    ],
)
def test_phases_that_cannot_be_trained_are_refused_with_the_mend(space, returned, sentence):
    source = space(with_phases(returned))
    with pytest.raises(SearchSpaceWrong, match=re.escape(sentence)) as refused:
        load(source).parameters({"units": 3})
    assert str(source.path) in str(refused.value)


def test_what_an_early_stopping_ends_is_one_of_two(space):
    said = refusal(space(f'{WHOLE}\nEARLY_STOPPING_ENDS = "phases"\n'))
    assert said.endswith("EARLY_STOPPING_ENDS is 'phases'; write 'training' or 'phase'.")
