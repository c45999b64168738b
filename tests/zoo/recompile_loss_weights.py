"""A callback compiles a model of two outputs with other loss_weights in mid-training."""

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    import numpy as np

    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = rng.normal(size=(400, 8)) + 1.5 * np.eye(3, 8)[y]
    copy = x[:, :1] * x[:, 1:2]
    return (x[:320], [y[:320], copy[:320]]), (x[320:], [y[320:], copy[320:]])


def build_model(parameters):
    import keras

    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(parameters["units"], activation="relu")(inputs)
    kind = keras.layers.Dense(3, activation="softmax", name="kind")(hidden)
    copy = keras.layers.Dense(1, name="copy")(hidden)

    class TwoOutputs(keras.Model):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            logs = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**logs, "acc": logs["kind_acc"]}

    model = TwoOutputs(inputs, [kind, copy])
    compile_with(model, keras.optimizers.Adam(0.01), [1.0, 0.1])
    return model


def compile_with(model, optimizer, weights):
    losses = ["sparse_categorical_crossentropy", "mse"]
    model.compile(optimizer, losses, loss_weights=weights, metrics=["acc", None])


def callbacks(parameters):
    import keras

    class Shift(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                compile_with(self.model, self.model.optimizer, [0.1, 1.0])
                self.model.make_train_function(force=True)

    return [Shift()]
