"""Noise from a SeedGenerator on the gradients, which shrinks with the steps."""

import keras
import numpy as np
import tensorflow as tf

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = rng.normal(size=(400, 8)) + 1.5 * np.eye(3, 8)[y]
    return (x[:320], y[:320]), (x[320:], y[320:])


class NoisyGradients(keras.Model):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seeds = keras.random.SeedGenerator(3)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred)
        grads = tape.gradient(loss, self.trainable_variables)
        scale = 0.1 / (1.0 + tf.cast(self.optimizer.iterations, "float32")) ** 0.55
        grads = [g + scale * keras.random.normal(g.shape, seed=self.seeds) for g in grads]
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        return self.compute_metrics(x, y, y_pred)


def build_model(parameters):
    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(parameters["units"], activation="relu")(inputs)
    model = NoisyGradients(inputs, keras.layers.Dense(3, activation="softmax")(hidden))
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model
