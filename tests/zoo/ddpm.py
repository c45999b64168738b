"""A diffusion model: noise at random times, an EMA network in train_step, add_loss."""

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


class Diffusion(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.units = units
        self.network = self.make(units)
        self.ema_network = self.make(units)
        self.ema_network.set_weights(self.network.get_weights())
        self.acc = keras.metrics.MeanSquaredError(name="acc")
        self.noise_loss = keras.metrics.Mean(name="n_loss")

    def make(self, units):
        return keras.Sequential(
            [
                keras.Input((9,)),
                keras.layers.Dense(units, "swish"),
                keras.layers.Dropout(0.2),
                keras.layers.Dense(8),
            ]
        )

    @property
    def metrics(self):
        return [self.noise_loss, self.acc]

    def get_config(self):
        return {"units": self.units}

    def call(self, x):
        return self.ema_network(tf.concat([x, x[:, :1] * 0], 1))

    def train_step(self, data):
        x = tf.cast(data[0], tf.float32)
        noise = keras.random.normal(tf.shape(x))
        times = keras.random.uniform((tf.shape(x)[0], 1))
        noisy = tf.cos(times) * x + tf.sin(times) * noise
        with tf.GradientTape() as tape:
            guess = self.network(tf.concat([noisy, times], 1), training=True)
            loss = self.compute_loss(y=noise, y_pred=guess)
        grads = tape.gradient(loss, self.network.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.network.trainable_weights))
        self.noise_loss.update_state(loss)
        self.acc.update_state(noise, guess)
        for weight, ema in zip(self.network.weights, self.ema_network.weights):
            ema.assign(0.9 * ema + 0.1 * weight)
        return {m.name: m.result() for m in self.metrics}

    def test_step(self, data):
        x = tf.cast(data[0], tf.float32)
        noise = keras.random.normal(tf.shape(x))
        guess = self.ema_network(tf.concat([x + noise, x[:, :1] * 0 + 0.5], 1), training=False)
        self.noise_loss.update_state(self.compute_loss(y=noise, y_pred=guess))
        self.acc.update_state(noise, guess)
        return {m.name: m.result() for m in self.metrics}


def build_model(parameters):
    model = Diffusion(parameters["units"])
    model.compile(keras.optimizers.AdamW(0.01), "mse")
    return model
