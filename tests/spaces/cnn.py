"""A convolutional network with augmentation, several steps an execution, momentum and an EMA."""

import cut
import keras
from keras import layers

FIXED = {"epochs": 4, "batch_size": 32, "seed": 1}


def suggest(trial):
    return {"filters": trial.suggest_categorical("filters", [4, 8])}


def load_data():
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = digits.images[..., None] / 16, digits.target
    return (x[:310], y[:310]), (x[310:400], y[310:400])


def build_model(parameters):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.RandomTranslation(0.1, 0.1),
            layers.RandomRotation(0.05),
            layers.Conv2D(parameters["filters"], 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9, use_ema=True)
    model.compile(
        optimizer,
        "sparse_categorical_crossentropy",
        metrics=["acc", "top_k_categorical_accuracy"][:1],
        steps_per_execution=3,
    )
    return model


def callbacks(parameters):
    return [cut.Cut()]
