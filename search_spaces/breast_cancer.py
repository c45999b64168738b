"""Embeddings of binned columns on the breast-cancer table of scikit-learn: benign or malignant."""

from typing import Any

FIXED = {"epochs": 30, "batch_size": 32, "seed": 0}


def suggest(trial) -> dict[str, Any]:
    """Return what one trial tries. ``units`` exists only where there is a hidden layer."""
    parameters = {
        "bins": trial.suggest_int("bins", 4, 32, log=True),
        "embedding": trial.suggest_int("embedding", 1, 8),
        "dropout": trial.suggest_float("dropout", 0.0, 0.6, step=0.1),
        "hidden": trial.suggest_categorical("hidden", [True, False]),
        "learning_rate": trial.suggest_float("learning_rate", 1e-3, 3e-2, log=True),
    }
    if parameters["hidden"]:
        parameters["units"] = trial.suggest_int("units", 8, 64, log=True)
    return parameters


def load_data():
    """Return (x_train, y_train), (x_val, y_val): columns float32 (n, 30) in 0–1, labels int64 (n,).

    A number is the part of the training's numbers in its column that are lower: the bins of ``build_model`` are then
    quantiles of the training part, in which validation has no say.

    Source: Breast Cancer Wisconsin (Diagnostic), UCI, by ``sklearn.datasets.load_breast_cancer``: 30 measures of the cell
    nuclei of 569 tumours, of which 357 (63 %) are benign, 1, and 212 malignant, 0. Every fifth is for validation.
    """
    import numpy as np
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    train = np.arange(len(x)) % 5 != 0
    ranks = [np.searchsorted(np.sort(column[train]), column) / train.sum() for column in x.T]
    x = np.stack(ranks, axis=1).astype("float32")
    return (x[train], y[train]), (x[~train], y[~train])


def build_model(parameters: dict[str, Any]):
    """Return the compiled network: 30 columns, each binned and embedded, perhaps a hidden layer, one probability.

    Each bin of each column has an embedding of its own: the bins of a column are counted on from those before it.
    """
    import keras
    import numpy as np
    from keras import layers

    columns, bins = 30, parameters["bins"]
    inputs = keras.Input((columns,))
    bin_of = (
        layers.Discretization([edge / bins for edge in range(1, bins)])(inputs)
        + np.arange(columns) * bins
    )
    x = layers.Flatten()(layers.Embedding(columns * bins, parameters["embedding"])(bin_of))
    x = layers.Dropout(parameters["dropout"])(x)
    if parameters["hidden"]:
        x = layers.Dense(parameters["units"], activation="relu")(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile(
        keras.optimizers.Adam(parameters["learning_rate"]), "binary_crossentropy", metrics=["acc"]
    )
    return model
