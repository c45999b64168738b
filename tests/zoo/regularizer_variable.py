"""A regularizer whose strength is a variable that a callback anneals."""

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

    class Annealed(keras.regularizers.Regularizer):
        def __init__(self, strength):
            self.strength = strength

        def __call__(self, x):
            return self.strength * keras.ops.sum(keras.ops.square(x))

        def get_config(self):
            return {"strength": float(self.strength)}

    strength = keras.Variable(0.1, trainable=False)
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(
                parameters["units"], activation="relu", kernel_regularizer=Annealed(strength)
            ),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model


def callbacks(parameters):
    import keras

    class Anneal(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            strength = self.model.layers[0].kernel_regularizer.strength
            strength.assign(strength * 0.95)

    return [Anneal()]
