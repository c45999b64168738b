"""Whether a metric is better when it is greater or smaller, told from its name where that is sure.

A wrong guess would keep the worst model of a sweep, so a name that leaves a doubt has no direction.
"""

import re

GREATER = {
    *("acc", "accuracy", "auc", "auroc", "auprc", "f1", "fbeta", "iou", "r2"),
    *("precision", "recall", "sensitivity", "specificity"),
}
SMALLER = {
    *("loss", "error", "mae", "mse", "rmse", "mape", "msle", "rmsle", "perplexity"),
    *("kl", "divergence", "crossentropy", "nll", "hinge", "huber", "logcosh"),
}
# These words may follow: ``f1_score``, ``f1_macro``, ``error_rate``, ``auc_1``.
QUALIFIERS = {"score", "rate", "macro", "micro", "weighted", "mean", "average", "avg"}
# Each of these may turn a metric around, or make another quantity of it.
TURNING = {
    *("neg", "negative", "minus", "inverse", "inverted", "inv", "not", "non", "no"),
    *("delta", "diff", "difference", "gap", "ratio", "std", "var", "variance", "change"),
    *("drop", "gain", "reduction", "improvement"),
}
# What is one word, and is written as several in the names that Keras makes of its classes.
JOINED = {"io_u": "iou", "cross_entropy": "crossentropy", "log_cosh": "logcosh", "roc_auc": "auc"}


def direction_of(metric: str) -> str | None:
    """Return max or min, as the words of the name say; None where they leave a doubt.

    Args:
        metric: a column of ``log.csv``, as ``val_binary_accuracy`` or ``val_digit_loss``.
    """
    name = metric.removeprefix("val_").lower().replace("/", "_")
    if not re.fullmatch(r"\w+", name):  # ``1-accuracy``
        return None
    for parts, word in JOINED.items():
        name = re.sub(rf"(?<![^_]){parts}(?![^_])", word, name)
    words = [word for word in name.split("_") if word] or [""]
    is_score = "score" in words
    while len(words) > 1 and (words[-1] in QUALIFIERS or words[-1].isdecimal()):
        words.pop()
    is_greater, is_smaller = GREATER.intersection(words), SMALLER.intersection(words)
    is_named_last = words[-1] in GREATER | SMALLER
    is_doubtful = is_smaller and (is_greater or is_score)  # a score may be a loss turned around
    if not is_named_last or is_doubtful or TURNING.intersection(words):
        return None
    return "max" if is_greater else "min"
