"""Sharpness-aware minimization: two gradients a step; the weights are moved and moved back."""

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


class Sam(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        grads = tape.gradient(loss, self.trainable_variables)
        norm = tf.linalg.global_norm(grads)
        moves = [0.05 * grad / (norm + 1e-12) for grad in grads]
        for variable, move in zip(self.trainable_variables, moves):
            variable.assign_add(move)
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred)
        grads = tape.gradient(loss, self.trainable_variables)
        for variable, move in zip(self.trainable_variables, moves):
            variable.assign_sub(move)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        return self.compute_metrics(x, y, y_pred)


def build_model(parameters):
    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(parameters["units"], activation="relu")(inputs)
    hidden = keras.layers.Dropout(0.2)(hidden)
    model = Sam(inputs, keras.layers.Dense(3, activation="softmax")(hidden))
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model
