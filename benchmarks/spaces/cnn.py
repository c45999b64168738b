"""A convolutional network on the digits: seconds of arithmetic that outweigh all else."""

from typing import Any

FIXED = {"epochs": 6, "batch_size": 64, "seed": 0}


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial; no two trials are equal."""
    return {
        "filters": trial.suggest_categorical("filters", [24, 32]),
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
    }


def load_data():
    """Return (x_train, y_train), (x_val, y_val).

    Images are float32 (n, 16, 16, 1) in 0–1, labels int64 (n,).

    Source: UCI digits, each pixel four times.
    """
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.images / 16).astype("float32").repeat(2, 1).repeat(2, 2)
    x, y = images[..., None], digits.target
    train = np.arange(len(x)) % 5 != 0
    return (x[train], y[train]), (x[~train], y[~train])


def build_model(parameters: dict[str, Any]):
    """Return the compiled network: images (16, 16, 1), three convolutions, 10 classes."""
    import keras
    from keras import layers

    filters = parameters["filters"]
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(2 * filters, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(parameters["learning_rate"])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["acc"])
    return model
