"""A variational autoencoder whose KL weight lives in a closure and grows each batch."""

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    import numpy as np

    rng = np.random.default_rng(0)
    x = 1 / (1 + np.exp(-rng.normal(size=(400, 3)) @ rng.normal(size=(3, 8))))
    return (x[:320], x[:320]), (x[320:], x[320:])


BETA = []


def build_model(parameters):
    import keras
    from keras import layers, ops

    beta = keras.Variable(0.0, trainable=False, name="beta")
    BETA[:] = [beta]
    inputs = keras.Input((8,))
    code = layers.Dense(parameters["units"], activation="tanh")(inputs)
    outputs = layers.Dense(8, activation="sigmoid")(code)

    def loss(y_true, y_pred):
        error = ops.mean(ops.square(y_true - y_pred), axis=-1)
        return error + beta * ops.mean(ops.abs(y_pred), axis=-1)

    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=[keras.metrics.R2Score(name="acc")])
    return model


def callbacks(parameters):
    import keras

    def grow(batch, logs):
        BETA[0].assign(keras.ops.minimum(0.5, BETA[0] + 0.01))

    return [keras.callbacks.LambdaCallback(on_train_batch_end=grow)]
