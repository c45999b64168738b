"""A small network whose callbacks write events for TensorBoard, and a file that only grows."""

import cut
import keras
import tensorflow as tf

FIXED = {"epochs": 4, "batch_size": 32, "seed": 3}


class Events(keras.callbacks.Callback):
    """Writes by two writers: one that is made at once, and one when it is needed."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.batches = folder, 0
        self.writer, self.writers = tf.summary.create_file_writer(str(folder / "batches")), {}

    def on_train_begin(self, logs=None):
        self.path = str(self.folder / "of" / "epochs")

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1
        with self.writer.as_default():
            tf.summary.write("loss", logs["loss"], step=self.batches)

    def on_epoch_end(self, epoch, logs=None):
        if "epochs" not in self.writers:
            self.writers["epochs"] = tf.summary.create_file_writer(self.path)
        with self.writers["epochs"].as_default():
            tf.summary.write("val_acc", logs["val_acc"], step=epoch)


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x[:310] / 16, y[:310]), (x[310:400] / 16, y[310:400])


def build_model(parameters):
    hidden = keras.layers.Dense(parameters["units"], activation="relu")
    model = keras.Sequential(
        [keras.Input((64,)), hidden, keras.layers.Dense(10, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["acc"])
    return model


def callbacks(parameters, folder):
    assert folder.is_dir()
    (folder / "of").mkdir(exist_ok=True)
    return [Events(folder), cut.Cut()]
