"""The id of an experience: its table, which holds for ever, and its laws."""

import enum
import json
import math
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.space.identity import NotJsonValue, id_experience, plain

TABLE = [
    (
        "digits_mlp",
        {
            "units": 64,
            "dropout": 0.2,
            "learning_rate": 0.001,
            "optimizer": "adam",
            "epochs": 20,
            "batch_size": 32,
            "seed": 0,
        },
        "b23ef5ec5d914ea8",
    ),
    (
        "laboratoire1",
        {"activation": None, "lr": 1e-07, "noms": ["é", "a"], "bn": True},
        "d812d6889effa5d2",
    ),
    ("laboratoire1", {}, "b4508c335afad101"),
]

NAMES = st.text(st.characters(codec="utf-8"), max_size=8)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
PARAMETERS = st.dictionaries(NAMES, VALUES, max_size=6)


@pytest.mark.parametrize(("space", "parameters", "name"), TABLE)
def test_the_table_holds_for_ever(space, parameters, name):
    assert id_experience(space, parameters) == name


@given(PARAMETERS)
def test_an_id_is_16_hexadecimal_digits(parameters):
    name = id_experience("space", parameters)
    assert len(name) == 16
    assert set(name) <= set(string.hexdigits.lower())


@given(PARAMETERS, st.randoms())
def test_the_order_of_the_parameters_does_not_count(parameters, random):
    items = list(parameters.items())
    random.shuffle(items)
    assert id_experience("space", dict(items)) == id_experience("space", parameters)


@given(PARAMETERS)
def test_a_way_through_json_changes_nothing(parameters):
    assert id_experience("space", json.loads(json.dumps(parameters))) == id_experience(
        "space", parameters
    )


@given(PARAMETERS)
def test_what_is_trained_has_the_same_id_and_is_settled(parameters):
    settled = plain(parameters)
    assert id_experience("space", settled) == id_experience("space", parameters)
    assert json.dumps(plain(settled)) == json.dumps(settled)


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_an_integer_and_its_float_are_one_number(number):
    assert id_experience("space", {"n": number}) == id_experience("space", {"n": float(number)})


@given(PARAMETERS)
def test_a_training_gets_the_values_as_they_are_written(parameters):
    assert repr(plain(parameters)) == repr(parameters)


@pytest.mark.parametrize(
    ("value", "trained"),
    [
        (np.float64(1), 1.0),
        (np.float32(0.1), 0.10000000149011612),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("adam"), "adam"),
        ((np.int64(3), [np.float64(0.5), (1, 2.0)]), (3, [0.5, (1, 2.0)])),
        ({np.str_("units"): np.int8(4)}, {"units": 4}),
        (enum.IntEnum("Width", {"SMALL": 16}).SMALL, 16),
        (enum.Enum("Kind", {"ADAM": "adam"}, type=str).ADAM, "adam"),
    ],
)
def test_scalars_of_numpy_and_members_of_enumerations_are_the_values_that_they_are(value, trained):
    settled = plain({"p": value})
    assert repr(settled) == repr({"p": trained})
    assert id_experience("space", {"p": value}) == id_experience("space", settled)


def test_a_tuple_has_the_id_of_its_list():
    assert id_experience("space", {"p": (1, (2,))}) == id_experience("space", {"p": [1, [2]]})


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_other_numbers_have_other_ids(one, other):
    same = id_experience("space", {"n": one}) == id_experience("space", {"n": other})
    assert same == (one == other)


@given(NUMBERS)
def test_a_number_and_its_text_are_two_values(number):
    assert id_experience("space", {"n": number}) != id_experience("space", {"n": str(number)})


@given(NAMES, NAMES, PARAMETERS)
def test_the_search_space_counts(one, other, parameters):
    assert (id_experience(one, parameters) == id_experience(other, parameters)) == (one == other)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        2**53 + 1,
        -(2**60),
        object(),
        np.float64(math.nan),
        np.int64(2**60),
        np.datetime64("2026-01-01"),
        np.zeros(3),
        {1, 2},
        b"x",
        1j,
        {1: "x"},
        "\ud800",
    ],
)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [0, {"deep": value}]])
def test_what_is_not_plain_is_refused_by_the_name_of_its_parameter(value, wrap):
    with pytest.raises(NotJsonValue, match="learning_rate"):
        id_experience("space", {"units": 1, "learning_rate": wrap(value)})


def test_a_name_that_is_no_string_is_refused():
    with pytest.raises(NotJsonValue, match="3"):
        plain({3: "units"})
