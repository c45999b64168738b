"""A GAN whose generator and discriminator have an optimizer each."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    rng = np.random.default_rng(0)
    x = 1 / (1 + np.exp(-rng.normal(size=(400, 3)) @ rng.normal(size=(3, 8))))
    return (x[:320], x[:320]), (x[320:], x[320:])


class Gan(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.units = units
        self.generator = keras.Sequential(
            [
                keras.Input((4,)),
                layers.Dense(units, activation="relu"),
                layers.Dense(8, activation="sigmoid"),
            ]
        )
        self.critic = keras.Sequential(
            [keras.Input((8,)), layers.Dense(units, activation="relu"), layers.Dense(1)]
        )
        self.seeds = keras.random.SeedGenerator(7)
        self.acc = keras.metrics.MeanAbsoluteError(name="acc")

    def get_config(self):
        return {"units": self.units}

    def compile(self, critic_optimizer, generator_optimizer):
        super().compile(optimizer=generator_optimizer)
        self.critic_optimizer = critic_optimizer
        self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)

    def call(self, x):
        return self.critic(x)

    def train_step(self, data):
        real, _ = data
        noise = keras.random.normal((tf.shape(real)[0], 4), seed=self.seeds)
        with tf.GradientTape() as tape:
            on_real, on_fake = self.critic(real), self.critic(self.generator(noise))
            loss = self.loss_fn(tf.ones_like(on_real), on_real)
            loss += self.loss_fn(tf.zeros_like(on_fake), on_fake)
        grads = tape.gradient(loss, self.critic.trainable_weights)
        self.critic_optimizer.apply_gradients(zip(grads, self.critic.trainable_weights))
        with tf.GradientTape() as tape:
            on_fake = self.critic(self.generator(noise))
            loss = self.loss_fn(tf.ones_like(on_fake), on_fake)
        grads = tape.gradient(loss, self.generator.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.generator.trainable_weights))
        self.acc.update_state(tf.ones_like(on_fake), tf.sigmoid(on_fake))
        return {"loss": loss, "acc": self.acc.result()}

    def test_step(self, data):
        real, _ = data
        on_real = self.critic(real)
        self.acc.update_state(tf.ones_like(on_real), tf.sigmoid(on_real))
        fake = self.generator(tf.zeros((1, 4)))
        return {"loss": tf.reduce_mean(fake), "acc": self.acc.result()}

    @property
    def metrics(self):
        return [self.acc]


def build_model(parameters):
    model = Gan(parameters["units"])
    model.build((None, 8))
    model.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.005))
    return model
