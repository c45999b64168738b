"""Text: which package of Python's standard library is a docstring from, by word embeddings."""

from typing import Any

FIXED = {"epochs": 15, "batch_size": 32, "seed": 0}
PACKAGES = (
    "asyncio",
    "email",
    "http",
    "importlib",
    "logging",
    "multiprocessing",
    "unittest",
    "xml",
)
WORDS, LENGTH = 4000, 64  # the size of the vocabulary, and the words read of a docstring


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial; convolutions have some of their own."""
    parameters = {
        "embedding": trial.suggest_categorical("embedding", [8, 16, 32, 64]),
        "reader": trial.suggest_categorical("reader", ["mean", "convolutions"]),
        "words": trial.suggest_categorical("words", [1000, 2000, WORDS]),
        "dropout": trial.suggest_float("dropout", 0.0, 0.6, step=0.1),
        "learning_rate": trial.suggest_float("learning_rate", 1e-3, 2e-2, log=True),
    }
    if parameters["reader"] == "convolutions":
        parameters["filters"] = trial.suggest_categorical("filters", [16, 32, 64])
        parameters["kernel"] = trial.suggest_int("kernel", 1, 4)
    return parameters


def load_data():
    """Return (x_train, y_train), (x_val, y_val): words int32 (n, 64), labels int64 (n,).

    A word is 0 for padding, 1 if it is unknown, and otherwise its rank by frequency in the
    training part, from 2. Every fifth docstring is for validation.

    Source: the docstrings of eight packages of the standard library (PSF licence) of the Python
    that runs this, each text once: about 1,900. They differ between versions of Python, so only
    results of one version can be compared.
    """
    import collections
    import re

    import numpy as np

    label_of = {}
    for label, package in enumerate(PACKAGES):
        for docstring in _docstrings(package):
            label_of.setdefault(tuple(re.findall(r"[a-z]+", docstring.lower())), label)
    label_of.pop((), None)
    texts = list(label_of)
    train = np.arange(len(texts)) % 5 != 0
    counts = collections.Counter(
        word for text, of_train in zip(texts, train, strict=True) if of_train for word in text
    )
    number_of = {word: number for number, (word, _) in enumerate(counts.most_common(WORDS - 2), 2)}
    x = np.zeros((len(texts), LENGTH), "int32")
    for row, text in zip(x, texts, strict=True):
        words = [number_of.get(word, 1) for word in text[:LENGTH]]
        row[: len(words)] = words
    y = np.array(list(label_of.values()))
    return (x[train], y[train]), (x[~train], y[~train])


def _docstrings(package: str):
    """Yield the docstrings of a package, file by file; nothing is imported."""
    import ast
    import sysconfig
    from pathlib import Path

    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    files = sorted(Path(sysconfig.get_path("stdlib"), package).rglob("*.py"))
    # Tests are not installed everywhere.
    for path in (file for file in files if "test" not in file.parts):
        for node in ast.walk(ast.parse(path.read_bytes())):
            text = ast.get_docstring(node) if isinstance(node, documented) else None
            if text:
                yield text


def build_model(parameters: dict[str, Any]):
    """Return the compiled network: 64 embedded words, their mean or convolutions, 8 classes.

    Words beyond the ``words`` most frequent ones count as unknown.
    """
    import keras
    from keras import layers

    inputs = keras.Input((LENGTH,), dtype="int32")
    known = keras.ops.where(inputs < parameters["words"], inputs, 1)
    x = layers.Embedding(
        parameters["words"], parameters["embedding"], mask_zero=parameters["reader"] == "mean"
    )(known)
    if parameters["reader"] == "mean":
        x = layers.GlobalAveragePooling1D()(x)
    else:
        x = layers.Conv1D(parameters["filters"], parameters["kernel"], activation="relu")(x)
        x = layers.GlobalMaxPooling1D()(x)
    x = layers.Dropout(parameters["dropout"])(x)
    model = keras.Model(inputs, layers.Dense(len(PACKAGES), activation="softmax")(x))
    model.compile(
        keras.optimizers.Adam(parameters["learning_rate"]),
        "sparse_categorical_crossentropy",
        metrics=["acc"],
    )
    return model
