"""sweep.training.callback_hooks."""

from typing import Any

import keras

Logs = dict[str, Any] | None
HOOKS = [
    f"on_{kind}batch_{moment}" for kind in ("", "train_", "test_") for moment in ("begin", "end")
]
TEST_HOOKS = [f"on_test_{moment}" for moment in ("begin", "end", "batch_begin", "batch_end")]


def hears_validation(callback: keras.callbacks.Callback) -> bool:
    """Tell whether a callback is to be called in a validation."""
    return _hears(callback, TEST_HOOKS)


def hears_batches(callback: keras.callbacks.Callback) -> bool:
    """Tell whether a callback is to be called for each batch."""
    return _hears(callback, HOOKS)


def _hears(callback: keras.callbacks.Callback, hooks: list[str]) -> bool:
    theirs = (getattr(getattr(callback, name), "__func__", None) for name in hooks)
    return any(
        hook is not getattr(keras.callbacks.Callback, name)
        for hook, name in zip(theirs, hooks, strict=True)
    )
