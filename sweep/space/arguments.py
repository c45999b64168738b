"""Call a function of the search space with those of the possible arguments that it takes."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sweep.space.mistakes import SearchSpaceWrong

# What Optuna calls a trial: a training knows nothing of it, whatever else would stand there.
NEVER_GIVEN = ("trial",)


def taking(
    function: Callable[..., Any], possible: tuple[str, ...], path: Path, hint: str = ""
) -> Callable[..., Any]:
    """Return a function of all possible arguments, which hands on those that ``function`` takes.

    It takes as many as it has positional parameters without a default, whatever their names are. A
    parameter with a default is left alone, unless it has the name of the possible argument; what
    follows one that is left alone is given by its name.

    Args:
        function: of the search space.
        possible: the names of the arguments, in order.
        path: of the search space.
        hint: a sentence that follows where the function asks for something else.

    Raises:
        SearchSpaceWrong: it needs more arguments than there are, one by its keyword, or a trial.
    """
    name = getattr(function, "__name__", type(function).__name__)
    taken, by_position = list[str](), len(possible)
    for parameter in inspect.signature(function).parameters.values():
        is_needed = parameter.default is parameter.empty
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        is_never = parameter.kind is parameter.KEYWORD_ONLY or parameter.name in NEVER_GIVEN
        is_possible = len(taken) < len(possible) and not is_never
        if is_needed and not is_possible:
            raise SearchSpaceWrong(
                f"{path}: {name} asks for {parameter.name}, which it is not given; "
                f"write def {name}({', '.join(possible)}).{hint and f' {hint}'}"
            )
        if is_possible and (is_needed or parameter.name == possible[len(taken)]):
            taken.append(parameter.name)
        else:
            by_position = min(by_position, len(taken))
    count, named = min(by_position, len(taken)), taken[by_position:]
    return lambda *given: function(*given[:count], **dict(zip(named, given[count:], strict=False)))
