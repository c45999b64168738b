"""A pruned experience is taken up again: it goes on from where it was ended, and to its end."""

from collections.abc import Callable, Mapping, Sequence

from sweep.choice import nearest
from sweep.damage import take_back_the_end, what_training_again_costs
from sweep.errors import Misuse
from sweep.experience import Experience
from sweep.known import Folders
from sweep.record import Record, State, state_of


def take_up(folders: Folders, names: Sequence[str], say: Callable[[str], None]) -> None:
    """Take back the end of pruned experiences; from now on no pruner has a word on them. Those taken up already stay so.

    Args:
        folders: of the sweep.
        names: ids, or beginnings of ids that no other one has.
        say: is told from where each of them goes on.

    Raises:
        Misuse: a name is none of an experience that was pruned. Nothing is taken back then.
    """
    by_id = {experience.id: (experience, record) for experience, record in folders}
    for one in {_find(name, by_id) for name in names}:
        experience, record = by_id[one]
        if not record.unpruned:
            record.unpruned = True
            take_back_the_end(experience, record)
            say(f"{one} is taken up again, and {what_training_again_costs(experience)}")


def _find(name: str, by_id: Mapping[str, tuple[Experience, Record]]) -> str:
    found = [one for one in by_id if one.startswith(name)]
    pruned = [one for one, (_, record) in by_id.items() if state_of(record) is State.PRUNED or record.unpruned]
    if not found:
        raise Misuse(
            f"unprune is {name!r}: {nearest(name, by_id)}no experience has an id that begins so; {_there_are(pruned)}."
        )
    if len(found) > 1:
        raise Misuse(f"unprune is {name!r}: {len(found)} ids begin so, {', '.join(found)}; give more of it.")
    if found[0] not in pruned:
        raise Misuse(f"unprune is {name!r}: {found[0]} is {state_of(by_id[found[0]][1])}, not pruned; {_there_are(pruned)}.")
    return found[0]


def _there_are(pruned: list[str]) -> str:
    return f"pruned are {', '.join(pruned)}" if pruned else "none is pruned"
