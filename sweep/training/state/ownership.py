"""Whose code it is: the user's own, whose state counts, or that of Python and of packages."""

import functools
import io
import sys
import types
from typing import Any

import numpy as np
import tensorflow as tf

from sweep.system.installed import is_of_python

# They only show or write, or cannot change: no training depends on them.
HARMLESS = {
    *(
        "tqdm",
        "rich",
        "io",
        "_io",
        "logging",
        "threading",
        "_thread",
        "subprocess",
        "socket",
        "_queue",
    ),
    *(
        "concurrent",
        "multiprocessing",
        "matplotlib",
        "tensorboard",
        "wandb",
        "mlflow",
        "h5py",
        "tempfile",
        "csv",
        "_csv",
    ),
    *(
        "datetime",
        "time",
        "zoneinfo",
        "re",
        "weakref",
        "contextlib",
        "typing",
        "enum",
        "abc",
        "functools",
        "operator",
    ),
    *("sweep", "keras", "tensorflow", "optuna", "logger", "pathlib", "contextvars"),
}
GENERATED = "__autograph_generated_file"  # modules that TensorFlow makes of traced functions
CODE = (type, types.FunctionType, types.BuiltinFunctionType, np.ufunc)
OF_NAMES = (
    "math",
    "operator",
    "numpy",
    "keras",
    "tensorflow",
)  # functions and classes are known again by their names


@functools.cache
def is_of_user(module: str) -> bool:
    """Tell whether a module is the user's own code: not of Python, of an installed package, or of sweep."""
    if module.partition(".")[0] in {
        "builtins",
        "__main__",
        "__mp_main__",
        "sweep",
        *sys.stdlib_module_names,
    }:
        return False
    if module.startswith(GENERATED):
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is not None and not is_of_python(file)


def user_modules() -> dict[str, types.ModuleType]:
    """Return the modules of the user's own code that are imported, by name."""
    return {name: sys.modules[name] for name in sorted(filter(is_of_user, list(sys.modules)))}


def name_of(code: Any) -> str:
    """Return the name of a class, or of a function; some of NumPy's say no module."""
    return f"{getattr(code, '__module__', None) or 'numpy'}.{getattr(code, '__qualname__', code.__name__)}"


def named(name: str) -> Any:
    """Return the function or class of that name, of a package that only computes; None where there is none."""
    module, _, last = name.rpartition(".")
    return (
        getattr(sys.modules.get(module), last, None) if name.partition(".")[0] in OF_NAMES else None
    )


def is_harmless(value: Any) -> bool:
    """Tell whether no training depends on what an opaque value holds."""
    if isinstance(value, types.ModuleType | np.dtype):
        return True
    if isinstance(value, CODE):
        return str(getattr(value, "__module__", None)).partition(".")[0] in HARMLESS
    if isinstance(value, np.memmap):
        return True
    if isinstance(value, tf.Tensor) and hasattr(value, "numpy"):
        return False
    package = type(value).__module__.partition(".")[0]
    is_read = hasattr(value, "__next__") and not is_written(value)
    return package in HARMLESS and not (is_read and package in ("tensorflow", "keras", "io", "_io"))


def is_written(value: Any) -> bool:
    """Tell whether it is a file that is only written."""
    return isinstance(value, io.IOBase) and (value.closed or not value.readable())
