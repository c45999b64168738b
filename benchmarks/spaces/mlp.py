"""A small dense network on the digits: half a second of arithmetic, so all else shows."""

from typing import Any

FIXED = {"epochs": 10, "batch_size": 32, "seed": 0}


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial; no two trials are equal."""
    return {
        "units": trial.suggest_categorical("units", [16, 32, 64, 128]),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5, step=0.1),
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
    }


def load_data():
    """Return (x_train, y_train), (x_val, y_val): images float32 (n, 64) in 0–1, labels int64 (n,).

    Source: UCI digits.
    """
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = (digits.data / 16).astype("float32"), digits.target
    train = np.arange(len(x)) % 5 != 0
    return (x[train], y[train]), (x[~train], y[~train])


def build_model(parameters: dict[str, Any]):
    """Return the compiled network: 64 inputs, one hidden layer, 10 classes."""
    import keras

    hidden = keras.layers.Dense(parameters["units"], activation="relu")
    dropout = keras.layers.Dropout(parameters["dropout"])
    model = keras.Sequential(
        [keras.Input((64,)), hidden, dropout, keras.layers.Dense(10, activation="softmax")]
    )
    optimizer = keras.optimizers.Adam(parameters["learning_rate"])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["acc"])
    return model
