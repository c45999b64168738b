"""Functions whose keyword arguments are the fields of a dataclass.

An editor and ``help`` show the name, the type, the default and the text of each, which are written
once: in ``sweep.settings``, where the command line has them from, too.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Concatenate, ParamSpec, TypeVar

from sweep.wording import did_you_mean

P = ParamSpec("P")
Self = TypeVar("Self")
Options = TypeVar("Options")
Result = TypeVar("Result")
Call = TypeVar("Call", bound=Callable[..., Any])


def function_of(
    build: Callable[P, Options],
) -> Callable[[Callable[[Options], Result]], Callable[P, Result]]:
    """Return a decorator for a function of options, which then takes the arguments of ``build``.

    Args:
        build: a dataclass, whose fields have the metadata that ``sweep.settings.says`` returns.
    """

    def decorate(function: Callable[[Options], Result]) -> Callable[P, Result]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> Result:
            _check(function, call, args, kwargs)
            return function(build(*args, **kwargs))

        return _described(call, [], build)

    return decorate


def method_of(
    build: Callable[P, Options],
) -> Callable[[Callable[[Self, Options], Result]], Callable[Concatenate[Self, P], Result]]:
    """Return a decorator as ``function_of`` does, for a method."""

    def decorate(
        method: Callable[[Self, Options], Result],
    ) -> Callable[Concatenate[Self, P], Result]:
        @functools.wraps(method)
        def call(self: Self, /, *args: P.args, **kwargs: P.kwargs) -> Result:
            _check(method, call, (self, *args), kwargs)
            return method(self, build(*args, **kwargs))

        return _described(call, ["self"], build)

    return decorate


def _check(
    function: Callable[..., Any],
    call: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    """Raise Python's TypeError where the arguments do not fit, with the name that was meant."""
    signature = inspect.signature(call)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        unknown = next((name for name in kwargs if name not in signature.parameters), None)
        near = unknown and did_you_mean(unknown, signature.parameters)
        hint = f": {near.strip()}" if near else ""
        raise TypeError(f"{function.__name__}() {error}{hint}") from None


def _described(call: Call, leading: list[str], build: Any) -> Call:
    """Return the function, with the signature and the documentation of the options."""
    kind = inspect.Parameter.POSITIONAL_ONLY
    parameters = inspect.signature(build).parameters
    signature = inspect.Signature(
        [*(inspect.Parameter(name, kind) for name in leading), *parameters.values()],
        return_annotation=call.__annotations__["return"],
    )
    texts = {one.name: one.metadata["in_script"] for one in fields(build)}
    lines = [f"    {name}: {texts[name]}" for name in parameters]
    call.__doc__ = "\n".join([inspect.cleandoc(call.__doc__ or ""), "", "Args:", *lines, ""])
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call
