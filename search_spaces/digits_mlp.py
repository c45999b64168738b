"""A small dense network on the handwritten digits of scikit-learn."""

from typing import Any

FIXED = {"epochs": 20, "batch_size": 32, "seed": 0}


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial."""
    return {
        "units": trial.suggest_categorical("units", [16, 32, 64, 128]),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5, step=0.1),
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        "optimizer": trial.suggest_categorical("optimizer", ["adam", "sgd", "rmsprop"]),
    }


def load_data():
    """Return (x_train, y_train), (x_val, y_val): images float32 (n, 64) in 0–1, labels int64 (n,).

    Every fifth image is for validation.

    Source: Optical Recognition of Handwritten Digits (UCI), by ``sklearn.datasets.load_digits``:
    1,797 images of 8 × 8 pixels.
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

    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(parameters["units"], activation="relu"),
            keras.layers.Dropout(parameters["dropout"]),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.get(parameters["optimizer"])
    optimizer.learning_rate = parameters["learning_rate"]
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["acc"])
    return model
