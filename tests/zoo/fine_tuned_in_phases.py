"""Fine-tuning in two phases: the second unfreezes the base, and compiles by another optimizer."""

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

    base = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(parameters["units"], activation="relu")], name="base"
    )
    base.trainable = False
    model = keras.Sequential(
        [keras.Input((8,)), base, keras.layers.Dense(3, activation="softmax")]
    )
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model


def phases(parameters):
    return [(1, None), (2, fine_tune)]


def fine_tune(model, parameters):
    import keras

    model.get_layer("base").trainable = True
    model.compile(
        keras.optimizers.SGD(0.003, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["acc"],
    )
