"""The optimizer Muon, with Adam for variables that are not matrices."""

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    import numpy as np

    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = rng.normal(size=(400, 8)) + 1.5 * np.eye(3, 8)[y]
    return (x[:320], y[:320]), (x[320:], y[320:])


def build_model(parameters):
    import keras

    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(parameters["units"], activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Muon(0.01)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["acc"])
    return model
