"""Fine-tuning: the head, all of it at a smaller rate, and a last phase by another optimizer."""

import cut
import keras
from sklearn.datasets import load_digits

MONITOR = "val_acc"
FIXED = {"batch_size": 32, "seed": 4}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    x, y = load_digits(return_X_y=True)
    return (x[:320] / 16, y[:320]), (x[320:480] / 16, y[320:480])


class Noisy(keras.Model):
    """Its training step adds a penalty that its graph has from the moment when it was made."""

    def __init__(self, units):
        super().__init__()
        self.units = units
        self.base = keras.layers.Dense(units, "relu")
        self.norm = keras.layers.BatchNormalization()
        self.drop = keras.layers.Dropout(0.3)
        self.head = keras.layers.Dense(10, "softmax")
        self.penalty = 0.0

    def get_config(self):
        return {"units": self.units}

    def call(self, x, training=False):
        return self.head(self.drop(self.norm(self.base(x), training=training), training=training))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        return loss + self.penalty * keras.ops.mean(keras.ops.square(self.head.kernel))


class Penalise(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.penalty = 0.1 * (epoch + 1)


def build_model(parameters):
    model = Noisy(parameters["units"])
    model(keras.ops.zeros((1, 64)))  # Keras never trains a layer that was frozen unbuilt
    model.base.trainable = False
    compile_with(model, keras.optimizers.Adam(0.02))
    return model


def compile_with(model, optimizer):
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["acc"])


def phases(parameters):
    return [(2, None), (3, fine_tune), (1, None), (2, cool_down)]


def fine_tune(model, parameters):
    cut.at_phase(2)
    model.base.trainable = True
    model.norm.trainable = False
    compile_with(model, keras.optimizers.Adam(float(model.optimizer.learning_rate) / 2))


def cool_down(model):
    cut.at_phase(4)
    model.head.kernel.assign(keras.initializers.GlorotUniform()(model.head.kernel.shape))
    compile_with(model, keras.optimizers.SGD(0.05, momentum=0.9))


def callbacks(parameters):
    return [
        Penalise(),
        keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, factor=0.7),
        keras.callbacks.EarlyStopping("val_acc", mode="max", patience=7),
        cut.Cut(),
    ]
