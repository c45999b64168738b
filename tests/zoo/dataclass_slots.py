"""A callback with dataclasses (slots, frozen), an enum and a named tuple."""

import dataclasses
import enum
import typing

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


def build_model(parameters):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(parameters["units"], activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["acc"])
    return model


class Phase(enum.Enum):
    WARM = 1
    HOT = 2


@dataclasses.dataclass(slots=True)
class Sums:
    loss: float = 0.0
    parts: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    rate: float
    phase: Phase


class Last(typing.NamedTuple):
    loss: float
    plan: Plan


class Planned(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.sums, self.plan, self.last = Sums(), Plan(0.05, Phase.WARM), None

    def on_train_batch_end(self, batch, logs=None):
        self.sums.loss += logs["loss"]
        self.sums.parts.append(batch)
        self.plan = dataclasses.replace(
            self.plan, rate=self.plan.rate * 1.01, phase=Phase.HOT if batch % 2 else Phase.WARM
        )
        before, self.last = self.last, Last(logs["loss"], self.plan)
        more = before.loss * before.plan.rate if before else 0.0
        rate = (
            self.plan.rate
            * (2 if self.plan.phase is Phase.HOT else 1)
            / (1 + 0.01 * self.sums.loss + more)
        )
        self.model.optimizer.learning_rate.assign(rate)


def callbacks(parameters):
    return [Planned()]
