"""What no training could mend is refused in one sentence, before anything is written."""

import pytest

PARAMETERS = {"units": 4, "rate": 0.1}
COMPILE = '"sparse_categorical_crossentropy", metrics=["acc"]'
DATA = "return (x[:250] / 16, y[:250]), (x[250:400] / 16, y[250:400])"


def with_data(returned):
    return DATA, f"import numpy as np; x = x.astype(float); {returned}"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "    model.compile(",
            "    (lambda *_, **__: 0)(",
            "a model that is not compiled; call model.compile(…).",
        ),
        (
            "    return model\n",
            "    return None\n",
            "build_model returns a NoneType; return a keras.Model.",
        ),
        (
            COMPILE,
            '"sparse_categorical_crossentropy"',
            'no metric named "acc" or "accuracy" (none); '
            'give compile(…) metrics=["acc"], or write MONITOR = "val_loss".',
        ),
        (
            COMPILE,
            '"sparse_categorical_crossentropy", metrics=[keras.metrics.MeanMetricWrapper('
            "lambda y, p: p[:, 0], name='strange')]",
            'no metric named "acc" or "accuracy" (only strange); '
            'write MONITOR = "val_strange" and MODE = "max" or "min".',
        ),
        (
            *with_data("return (x[:250], y[:249]), (x, y)"),
            "250 samples in x_train but 249 in y_train; make them equal",
        ),
        (*with_data("return (x, y), (x[:5], y[:4])"), "5 samples in x_val but 4 in y_val"),
        (*with_data("return (x[:0], y[:0]), (x, y)"), "no samples in x_train"),
        (*with_data("return (x, y), (x[:0], y[:0])"), "no samples in x_val"),
        (
            *with_data("x[7, 3] = np.nan; return (x, y), (x, y)"),
            "NaN or infinity in x_train; drop or fill them",
        ),
        (*with_data("x[7, 3] = np.inf; return (x[:5], y[:5]), (x, y)"), "NaN or infinity in x_val"),
        (*with_data("return x, y"), "for an autoencoder, give x twice"),
        (*with_data("return x, y, x, y"), "must return (x_train, y_train), (x_val, y_val)"),
        (*with_data("return (x, y.astype(str)), (x, y)"), "y_train holds words"),
        (*with_data("return None"), "must return (x_train, y_train), (x_val, y_val)"),
        (*with_data("return ([], []), (x, y)"), "no samples in x_train"),
        (*with_data("return ([[1, 2], [3]], [0, 1]), (x, y)"), "x_train that is no array"),
        (
            "    return [cut.Cut()]",
            "    return lambda *_: [cut.Cut()]",
            "a list of keras.callbacks",
        ),
        (
            *with_data("return (x.astype(object), y), (x, y)"),
            'x_train of type object; return x_train.astype("float32")',
        ),
    ],
)
def test_a_space_that_cannot_be_trained_is_refused(trainer, space, tmp_path, old, new, says):
    path, root = space((old, new)), tmp_path / "root"
    end = trainer(path, root, parameters=PARAMETERS)
    assert end.ending == "refused", end
    assert str(path) in end.why
    assert says in end.why
    assert "\n" not in end.why
    assert list(root.iterdir()) == []
