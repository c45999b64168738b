"""A GAN that trains its generator at every third step, counted in a tf.Variable."""

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
        self.steps = tf.Variable(0, trainable=False, dtype=tf.int64)

    def get_config(self):
        return {"units": self.units}

    def compile(self, critic_optimizer, generator_optimizer):
        super().compile(optimizer=critic_optimizer)
        self.generator_optimizer = generator_optimizer
        self.generator_optimizer.build(self.generator.trainable_weights)

    def call(self, x):
        return self.critic(x)

    def train_step(self, data):
        real, _ = data
        self.steps.assign_add(1)
        noise = keras.random.normal((tf.shape(real)[0], 4), seed=self.seeds)
        with tf.GradientTape() as tape:
            fake = self.generator(noise)
            loss = tf.reduce_mean(tf.nn.softplus(-self.critic(real)))
            loss += tf.reduce_mean(tf.nn.softplus(self.critic(fake)))
        grads = tape.gradient(loss, self.critic.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.critic.trainable_weights))
        tf.cond(self.steps % 3 == 0, lambda: self.train_generator(noise), lambda: None)
        self.acc.update_state(real, fake)
        return {"loss": loss, "acc": self.acc.result()}

    def train_generator(self, noise):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.softplus(-self.critic(self.generator(noise))))
        grads = tape.gradient(loss, self.generator.trainable_weights)
        self.generator_optimizer.apply_gradients(zip(grads, self.generator.trainable_weights))

    def test_step(self, data):
        real, _ = data
        self.acc.update_state(real, self.generator(tf.zeros((tf.shape(real)[0], 4))))
        return {"loss": tf.reduce_mean(self.critic(real)), "acc": self.acc.result()}

    @property
    def metrics(self):
        return [self.acc]


def build_model(parameters):
    model = Gan(parameters["units"])
    model.build((None, 8))
    model.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.005))
    return model
