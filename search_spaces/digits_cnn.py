"""A convolutional network with augmentation on the handwritten digits of scikit-learn."""

from typing import Any

FIXED = {"epochs": 15, "batch_size": 32, "seed": 0}


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial; a dense layer has ``units`` and ``dropout``."""
    parameters = {
        "filters": trial.suggest_categorical("filters", [8, 16, 32]),
        "blocks": trial.suggest_int("blocks", 1, 2),
        "shift": trial.suggest_float("shift", 0.0, 0.2, step=0.05),
        "batch_normalization": trial.suggest_categorical("batch_normalization", [True, False]),
        "dense": trial.suggest_categorical("dense", [True, False]),
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
    }
    if parameters["dense"]:
        parameters["units"] = trial.suggest_int("units", 16, 64, log=True)
        parameters["dropout"] = trial.suggest_float("dropout", 0.0, 0.5, step=0.1)
    return parameters


def load_data():
    """Return (x_train, y_train), (x_val, y_val).

    Images are float32 (n, 8, 8, 1) in 0–1, labels int64 (n,). Every fifth image is for validation.

    Source: Optical Recognition of Handwritten Digits (UCI), by ``sklearn.datasets.load_digits``:
    1,797 images.
    """
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = (digits.images[..., None] / 16).astype("float32"), digits.target
    train = np.arange(len(x)) % 5 != 0
    return (x[train], y[train]), (x[~train], y[~train])


def build_model(parameters: dict[str, Any]):
    """Return the compiled network: images (8, 8, 1), convolutional blocks, 10 classes."""
    import keras
    from keras import layers

    stack = [
        keras.Input((8, 8, 1)),
        layers.RandomTranslation(parameters["shift"], parameters["shift"]),
    ]
    for block in range(parameters["blocks"]):
        stack.append(
            layers.Conv2D(parameters["filters"] * 2**block, 3, padding="same", use_bias=False)
        )
        if parameters["batch_normalization"]:
            stack.append(layers.BatchNormalization())
        stack += [layers.Activation("relu"), layers.MaxPooling2D()]
    stack.append(layers.Flatten())
    if parameters["dense"]:
        stack += [
            layers.Dense(parameters["units"], activation="relu"),
            layers.Dropout(parameters["dropout"]),
        ]
    model = keras.Sequential([*stack, layers.Dense(10, activation="softmax")])
    model.compile(
        keras.optimizers.Adam(parameters["learning_rate"]),
        "sparse_categorical_crossentropy",
        metrics=["acc"],
    )
    return model
