"""An LSTM that reads the handwritten digits of scikit-learn row by row."""

from typing import Any

FIXED = {"epochs": 20, "batch_size": 32, "seed": 0}


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial."""
    return {
        "units": trial.suggest_categorical("units", [16, 32, 64, 96]),
        "bidirectional": trial.suggest_categorical("bidirectional", [True, False]),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5, step=0.1),
        "recurrent_dropout": trial.suggest_categorical("recurrent_dropout", [0.0, 0.2]),
        "learning_rate": trial.suggest_float("learning_rate", 1e-3, 3e-2, log=True),
    }


def load_data():
    """Return (x_train, y_train), (x_val, y_val).

    Images are float32 (n, 8, 8) in 0–1, labels int64 (n,). Every fifth image is for validation.

    Source: Optical Recognition of Handwritten Digits (UCI), by ``sklearn.datasets.load_digits``:
    1,797 images.
    """
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = (digits.images / 16).astype("float32"), digits.target
    train = np.arange(len(x)) % 5 != 0
    return (x[train], y[train]), (x[~train], y[~train])


def build_model(parameters: dict[str, Any]):
    """Return the compiled network: 8 rows of 8 pixels, read one or both ways, 10 classes."""
    import keras
    from keras import layers

    rows = layers.LSTM(parameters["units"], recurrent_dropout=parameters["recurrent_dropout"])
    model = keras.Sequential(
        [
            keras.Input((8, 8)),
            layers.Bidirectional(rows) if parameters["bidirectional"] else rows,
            layers.Dropout(parameters["dropout"]),
            layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(parameters["learning_rate"], clipnorm=1.0)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["acc"])
    return model


def callbacks(parameters: dict[str, Any]):
    """Return the callback that ends a training which no longer improves."""
    import keras

    return [
        keras.callbacks.EarlyStopping("val_acc", mode="max", patience=parameters["epochs"] // 3)
    ]
