"""What people return as data is trained as Keras would, or refused with the call that mends it."""

import datetime
import decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import tensorflow as tf

from sweep.space.mistakes import SearchSpaceWrong
from sweep.training.data.array_batches import ArrayBatches
from sweep.training.data.arrays import check_data
from sweep.training.data.as_array import DataWrong
from sweep.training.data.class_weight import weigh_by_class
from sweep.training.data.make_batches import make_batch_source

Y = np.array([0, 1, 1])
FLAGS = pd.Series([True, False, True])


def x_of(x):
    (checked, _), _ = check_data(((x, Y), (x, Y)))
    return checked


@pytest.mark.parametrize(
    ("x", "dtype", "values"),
    [
        (
            pd.get_dummies(pd.DataFrame({"a": [0.5, 1, 2], "kind": ["x", "y", "x"]})),
            "float32",
            [[0.5, 1, 0], [1, 0, 1], [2, 1, 0]],
        ),
        (pd.DataFrame({"a": FLAGS, "b": [1, 2, 3]}), "int64", [[1, 1], [0, 2], [1, 3]]),
        (pd.DataFrame({"a": FLAGS, "b": ~FLAGS}), "bool", [[1, 0], [0, 1], [1, 0]]),
        (
            pd.DataFrame({"a": [1, 2, 3], "b": FLAGS}).convert_dtypes(),
            "int64",
            [[1, 1], [2, 0], [3, 1]],
        ),
        (pd.Series([1, 2, 3], dtype="Int64"), "int64", [1, 2, 3]),
        (pd.Series([0.5, 2, 3], dtype="Float64"), "float32", [0.5, 2, 3]),
        (FLAGS.astype("boolean"), "bool", [1, 0, 1]),
        (pd.Series([0, 0, 3], dtype="Sparse[int]"), "int64", [0, 0, 3]),
        (pd.Series([3, 1, 3], dtype="category"), "int64", [3, 1, 3]),
        (pd.Series(["a", "b", "c"], dtype="string"), "object", ["a", "b", "c"]),
        (pd.DataFrame({"a": ["x", "y", "z"]}), "object", [["x"], ["y"], ["z"]]),
        ([[1, 2], [3, 4], [5, 6.5]], "float32", [[1, 2], [3, 4], [5, 6.5]]),
        (["a", "b", "c"], "<U1", ["a", "b", "c"]),
        (tf.constant([1.5, 2, 3]), "float32", [1.5, 2, 3]),
        (np.array([1, 2, 3], ">f8"), "float32", [1, 2, 3]),
    ],
)
def test_tables_lists_and_tensors_are_arrays_of_the_type_that_holds_them(x, dtype, values):
    array = x_of(x)
    assert type(array) is np.ndarray
    assert array.dtype == dtype
    assert array.tolist() == np.array(values, dtype).tolist()
    ArrayBatches((array, Y), 2, seed=0)


def test_the_columns_of_a_table_may_be_inputs_of_their_own():
    table = pd.DataFrame({"a": [1, 2, 3], "b": FLAGS.astype("boolean")})
    arrays = x_of(dict(table))
    assert {name: array.dtype for name, array in arrays.items()} == {"a": "int64", "b": "bool"}


LISTS = np.empty(3, object)
LISTS[:] = [[1], [1, 2], [3]]
OF_DAYS = pd.to_datetime(pd.Series(["2026-01-01"] * 3))


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (
            scipy.sparse.csr_matrix(np.eye(3)),
            "x_train as a SciPy csr_matrix; return x_train.toarray()",
        ),
        (
            scipy.sparse.coo_array(np.eye(3)),
            "x_train as a SciPy coo_array; return x_train.toarray()",
        ),
        (np.eye(3).astype(object), 'x_train of type object; return x_train.astype("float32")'),
        (
            np.array([decimal.Decimal(1), True, 2.5], object),
            'x_train of type object; return x_train.astype("float32")',
        ),
        (
            pd.DataFrame({"a": [1, 2, 3], "kind": ["x", "y", "x"]}),
            "x_train with words and others in it; number the words by pd.get_dummies",
        ),
        (
            pd.DataFrame({"a": pd.Series([1, 2, None], dtype="Int64"), "b": FLAGS}),
            "missing values (NaN or NA) in the column 'a' of x_train; drop or fill them",
        ),
        (pd.Series([1, 2, None]), "missing values (NaN or NA) in x_train; drop or fill them"),
        (pd.Series([True, None, False], dtype="boolean"), "missing values (NaN or NA) in x_train"),
        (np.array(["a", None, "b"], object), "x_train with missing values (None or NaN) in it"),
        (pd.Series(["a", None, "b"]), "x_train with missing values (None or NaN) in it"),
        (
            pd.DataFrame({"kind": pd.Series(["x", "y", "x"], dtype="category")}),
            "categories in the column 'kind' of x_train; number them by .cat.codes",
        ),
        (OF_DAYS, 'times in x_train; make numbers of them by .astype("int64")'),
        (
            pd.DataFrame({"day": OF_DAYS, "a": [1, 2, 3]}),
            "times in the column 'day' of x_train; make numbers",
        ),
        (OF_DAYS.to_numpy(), "x_train of type datetime64"),
        (np.array([datetime.date(2026, 1, 1)] * 3, object), "x_train of type object"),
        (
            [[1, 2], [3], [4]],
            "lists of unequal lengths are padded by keras.utils.pad_sequences(x_train)",
        ),
        (LISTS, "with lists in it; make one array of them by np.stack(x_train), or keras.utils"),
        (
            [np.zeros(2), np.zeros(1), np.zeros(3)],
            "samples are padded by keras.utils.pad_sequences(x_train)",
        ),
        (
            tf.ragged.constant([[1], [1, 2], [3]]),
            "x_train as a RaggedTensor; return x_train.to_tensor()",
        ),
        (
            tf.sparse.from_dense(np.eye(3)),
            "x_train as a SparseTensor; return tf.sparse.to_dense(x_train)",
        ),
    ],
)
def test_what_is_no_array_is_refused_with_the_call_that_mends_it(x, says):
    with pytest.raises(DataWrong) as refused:
        x_of(x)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_each_call_that_mends_is_right():
    for mended in (
        scipy.sparse.csr_matrix(np.eye(3)).toarray(),
        np.eye(3).astype(object).astype("float32"),
        np.array([decimal.Decimal(1), True, 2.5], object).astype("float32"),
        pd.Series(["x", "y", "x"], dtype="category").cat.codes,
        pd.get_dummies(pd.DataFrame({"a": [1, 2, 3], "kind": ["x", "y", "x"]})),
        OF_DAYS.astype("int64"),
        tf.keras.utils.pad_sequences([[1, 2], [3], [4]]),
        tf.keras.utils.pad_sequences(LISTS),
        tf.keras.utils.pad_sequences([np.zeros(2), np.zeros(1), np.zeros(3)]),
        tf.ragged.constant([[1], [1, 2], [3]]).to_tensor(),
        tf.sparse.to_dense(tf.sparse.from_dense(np.eye(3))),
        np.unique(np.array(["b", "a", "b"]), return_inverse=True)[1],
    ):
        assert len(x_of(mended)) == 3


@pytest.mark.parametrize(
    "words",
    [
        np.array(["setosa", "other", "setosa"]),
        np.array(["setosa", "other", "setosa"], object),
        np.array([b"setosa", b"other", b"setosa"]),
        pd.Series(["setosa", "other", "setosa"]),
        ["setosa", "other", "setosa"],
    ],
)
def test_labels_that_are_words_are_refused_and_words_in_x_are_not(words):
    with pytest.raises(DataWrong) as refused:
        check_data(((words, words), (words, words)))
    assert str(refused.value).replace("b'", "'") == (
        "y_train holds words ('setosa', 'other', 'setosa'); number them before the split: "
        "classes, y = np.unique(y, return_inverse=True)"
    )
    assert len(x_of(words)) == 3


X = np.zeros((3, 2))


@pytest.mark.parametrize(
    "data",
    [
        (X, X),
        ([X], [X]),
        ((X,), (X,)),
        ((X, None), (X, None)),
        (pd.DataFrame(X), pd.DataFrame(X)),
        ({"a": X}, {"a": X}),
        (tf.constant(X), tf.constant(X)),
        (scipy.sparse.csr_matrix(X), scipy.sparse.csr_matrix(X)),
        (np.zeros((2, 2)), np.zeros((2, 2))),
    ],
)
def test_x_alone_is_to_be_given_twice(data):
    with pytest.raises(DataWrong, match="for an autoencoder, give x twice: return") as refused:
        make_batch_source(check_data(data)[0], True, 2, 0, lambda text: None)
    assert "_train" in str(refused.value)


@pytest.mark.parametrize("data", [np.zeros((2, 2)), {"a": X, "b": X}, (X, Y, X, Y), "ab", 3])
def test_what_is_no_pair_is_not_taken_for_one(data):
    with pytest.raises(DataWrong, match="load_data must return"):
        check_data(data)


@pytest.mark.parametrize(
    "weights",
    [
        {np.int64(0): np.float64(2), np.int64(1): np.float32(0.5)},
        dict(zip(np.unique(Y), np.array([2, 0.5]), strict=True)),
        {0.0: 2, np.float64(1.0): 0.5},
    ],
)
def test_class_weights_may_be_numbers_of_numpy(weights):
    space = SimpleNamespace(class_weight=lambda _: weights, source=SimpleNamespace(path="space.py"))
    batches = ArrayBatches((X, Y), 3, seed=0, shuffle=False)
    weigh = weigh_by_class(space, {}, batches.spec())
    assert weigh(batches.first())[2].numpy().tolist() == [2, 0.5, 0.5]


@pytest.mark.parametrize("weights", [np.array([2, 0.5]), [2, 0.5], {0.5: 1}, {np.True_: 1}])
def test_class_weights_are_a_dict(weights):
    space = SimpleNamespace(class_weight=lambda _: weights, source=SimpleNamespace(path="space.py"))
    with pytest.raises(SearchSpaceWrong, match=r"becomes one by dict\(enumerate\(…\)\)"):
        weigh_by_class(space, {}, ArrayBatches((X, Y), 3, seed=0).spec())
