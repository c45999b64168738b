"""An experience that has ended without being finished is taken up again: it goes on from its backup, and to its end."""

from collections.abc import Callable, Mapping, Sequence

from sweep.errors import Misuse
from sweep.experience.damage import take_back_the_end, what_training_again_costs
from sweep.experience.folder import Experience
from sweep.experience.record import Record, State, state_of
from sweep.experience.trials import Folders
from sweep.wording import did_you_mean

ById = Mapping[str, tuple[Experience, Record]]


def unprune(folders: Folders, names: Sequence[str], say: Callable[[str], None]) -> None:
    """Take back the end of pruned experiences; from now on no pruner has a word on them. Those taken up already stay so.

    Args:
        folders: of the sweep.
        names: ids, or beginnings of ids that no other one has.
        say: is told from where each of them goes on.

    Raises:
        Misuse: a name is none of an experience that was pruned. Nothing is taken back then.
    """
    by_id = _by_id(folders)
    pruned = [
        one
        for one, (_, record) in by_id.items()
        if state_of(record) is State.PRUNED or record.unpruned
    ]
    for one in {_find(name, by_id, pruned, "pruned") for name in names}:
        _, record = by_id[one]
        if not record.unpruned:
            record.unpruned = True
            _take_up(one, by_id, say)


def retry(folders: Folders, names: Sequence[str] | None, say: Callable[[str], None]) -> None:
    """Take back the end of failed experiences.

    Args:
        folders: of the sweep.
        names: ids, or beginnings of ids that no other one has; None is all that have failed.
        say: is told from where each of them goes on, or that there is none.

    Raises:
        Misuse: a name is none of an experience that has failed. Nothing is taken back then.
    """
    by_id = _by_id(folders)
    failed = [one for one, (_, record) in by_id.items() if state_of(record) is State.FAILED]
    if names is None and not failed:
        say("no experience has failed")
    for one in (
        failed if names is None else {_find(name, by_id, failed, "failed") for name in names}
    ):
        _take_up(one, by_id, say)


def _take_up(name: str, by_id: ById, say: Callable[[str], None]) -> None:
    experience, record = by_id[name]
    take_back_the_end(experience, record)
    say(f"{name} is taken up again, and {what_training_again_costs(experience)}")


def _by_id(folders: Folders) -> ById:
    return {experience.id: (experience, record) for experience, record in folders}


def _find(name: str, by_id: ById, fit: list[str], state: str) -> str:
    found = [one for one in by_id if one.startswith(name)]
    there_are = f"{state} are {', '.join(fit)}" if fit else f"none is {state}"
    if not found:
        raise Misuse(
            f"There is no experience whose id begins with {name!r}: {did_you_mean(name, by_id)}{there_are}."
        )
    if len(found) > 1:
        raise Misuse(f"{len(found)} ids begin with {name!r}, {', '.join(found)}: give more of it.")
    if found[0] not in fit:
        raise Misuse(f"{found[0]} is {state_of(by_id[found[0]][1])}, not {state}: {there_are}.")
    return found[0]
