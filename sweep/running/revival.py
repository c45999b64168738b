"""Experiences that failed or were pruned, taken up again: they resume from their backups."""

from collections.abc import Callable, Collection, Mapping, Sequence

from sweep.errors import Misuse
from sweep.experience.damage import describe_retraining, withdraw_end
from sweep.experience.folder import Experience
from sweep.experience.record import Record, State, state_of
from sweep.experience.trials import Folders
from sweep.wording import did_you_mean

ById = Mapping[str, tuple[Experience, Record]]


def unprune(folders: Folders, names: Sequence[str], say: Callable[[str], None]) -> None:
    """Take back the end of pruned experiences; from now on no pruner judges them.

    Those that were taken up before stay so.

    Args:
        folders: of the sweep.
        names: ids, or beginnings of ids that no other experience has.
        say: is told from where each of them resumes.

    Raises:
        Misuse: a name fits no experience that was pruned. Then no end is taken back.
    """
    by_id = _by_id(folders)
    pruned = [
        name
        for name, (_, record) in by_id.items()
        if state_of(record) is State.PRUNED or record.unpruned
    ]
    for name in {_find(beginning, by_id, pruned, "pruned") for beginning in names}:
        _, record = by_id[name]
        if not record.unpruned:
            record.unpruned = True
            _take_up(name, by_id, say)


def retry(folders: Folders, names: Sequence[str] | None, say: Callable[[str], None]) -> None:
    """Take back the end of failed experiences.

    Args:
        folders: of the sweep.
        names: ids, or beginnings of ids that no other experience has; None is all that have
            failed.
        say: is told from where each of them resumes, or that there is none.

    Raises:
        Misuse: a name fits no experience that has failed. Then no end is taken back.
    """
    by_id = _by_id(folders)
    failed = [name for name, (_, record) in by_id.items() if state_of(record) is State.FAILED]
    if names is None and not failed:
        say("no experience has failed")
    chosen: Collection[str] = failed
    if names is not None:
        chosen = {_find(beginning, by_id, failed, "failed") for beginning in names}
    for name in chosen:
        _take_up(name, by_id, say)


def find_unfinished(folders: Folders, names: Sequence[str]) -> set[str]:
    """Return the ids of experiences that are paused or interrupted.

    Args:
        folders: of the sweep.
        names: ids, or beginnings of ids that no other experience has.

    Raises:
        Misuse: a name fits none of them.
    """
    by_id = _by_id(folders)
    unfinished = [name for name, (_, record) in by_id.items() if not record.outcome]
    return {_find(beginning, by_id, unfinished, "unfinished") for beginning in names}


def _take_up(name: str, by_id: ById, say: Callable[[str], None]) -> None:
    experience, record = by_id[name]
    withdraw_end(experience, record)
    say(f"{name} is taken up again, and {describe_retraining(experience)}")


def _by_id(folders: Folders) -> ById:
    return {experience.id: (experience, record) for experience, record in folders}


def _find(beginning: str, by_id: ById, fitting: list[str], state: str) -> str:
    """Return the id that begins so.

    Raises:
        Misuse: there is none, or more than one, or it is none of ``fitting``, which are in
            ``state``.
    """
    names = [name for name in by_id if name.startswith(beginning)]
    there_are = f"{state} are {', '.join(fitting)}" if fitting else f"none is {state}"
    if not names:
        mend = f"{did_you_mean(beginning, by_id)}{there_are}"
        raise Misuse(f"There is no experience whose id begins with {beginning!r}: {mend}.")
    if len(names) > 1:
        raise Misuse(
            f"{len(names)} ids begin with {beginning!r}, {', '.join(names)}: give more digits."
        )
    (name,) = names
    if name not in fitting:
        raise Misuse(f"{name} is {state_of(by_id[name][1])}, not {state}: {there_are}.")
    return name
