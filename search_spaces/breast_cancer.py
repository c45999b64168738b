"""Benign or malignant: embeddings of binned columns on scikit-learn's breast-cancer table."""

from typing import Any

FIXED = {"epochs": 30, "batch_size": 32, "seed": 0}


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial; ``units`` exists only with a hidden layer."""
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

    Each value is replaced by the share of training values in its column that are lower. The bins
    of ``build_model`` are thus quantiles of the training part alone. Every fifth tumour is for
    validation.

    Source: Breast Cancer Wisconsin (Diagnostic), UCI, by ``sklearn.datasets.load_breast_cancer``:
    30 measures of the cell nuclei of 569 tumours; 357 (63 %) are benign, label 1, and 212
    malignant, label 0.
    """
    import numpy as np
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    train = np.arange(len(x)) % 5 != 0
    ranks = [np.searchsorted(np.sort(column[train]), column) / train.sum() for column in x.T]
    x = np.stack(ranks, axis=1).astype("float32")
    return (x[train], y[train]), (x[~train], y[~train])


def build_model(parameters: dict[str, Any]):
    """Return the compiled network: 30 binned and embedded columns, one probability.

    A hidden layer is optional. Each bin of each column has its own embedding, so the numbers of
    the bins continue from one column to the next.
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
