"""A custom optimizer: SGD with momentum, whose velocities Keras creates."""

import keras
import numpy as np

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = rng.normal(size=(400, 8)) + 1.5 * np.eye(3, 8)[y]
    return (x[:320], y[:320]), (x[320:], y[320:])


@keras.saving.register_keras_serializable()
class Heavy(keras.optimizers.Optimizer):
    def __init__(self, learning_rate=0.1, friction=0.9, name="heavy", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.friction = friction

    def build(self, variables):
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.velocities[self._get_variable_index(variable)]
        self.assign(velocity, self.friction * velocity - learning_rate * gradient)
        self.assign_add(variable, velocity)

    def get_config(self):
        return {**super().get_config(), "friction": self.friction}


def build_model(parameters):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(parameters["units"], activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(Heavy(), "sparse_categorical_crossentropy", metrics=["acc"])
    return model
