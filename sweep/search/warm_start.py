"""A sweep begins with the best of another one, which may be of another search space.

The values of another space are not comparable with those of this one, so nothing is told to Optuna: what was best there is
tried first here. The other's code is not executed.
"""

from pathlib import Path

from sweep.errors import Misuse, SweepError
from sweep.experience.record import State
from sweep.experience.root import DEFAULT, root_of
from sweep.experience.snapshot import Snapshot
from sweep.search import proposal_check
from sweep.search.enqueued import Proposal
from sweep.space.search_space import SearchSpace
from sweep.wording import nearest

BEST = 5


def find_other_root(other: str | Path, root: Path) -> Path:
    """Return the root of another sweep, by its path or by the name of its search space.

    Raises:
        Misuse: there is none, or it is ``root`` itself.
    """
    by_path, by_name = Path(other).resolve(), root_of(str(other), None)
    found = by_path if by_path.is_dir() else by_name
    if found == root:
        raise Misuse(f"{found} is this root itself: name another sweep with --from.")
    if found.is_dir():
        return found
    there = (
        sorted(path.name for path in DEFAULT.iterdir() if path.is_dir()) if DEFAULT.is_dir() else []
    )
    near = nearest(str(other), there)
    mend = f"did you mean {near}?" if near else "name its root, or its search space, with --from."
    raise Misuse(f"There is no sweep {other} to begin from: {mend}")


def fitting_proposals(space: SearchSpace, sight: Snapshot) -> tuple[list[Proposal], str]:
    """Return the best proposals of another sweep, as far as they fit into this search space, and in words how far.

    Raises:
        SweepError: it has none that is finished, or none that fits.
    """
    best = _best(sight)
    if not best:
        raise SweepError(
            f"{sight.root} has no finished experience to begin from: let it end one, or leave --from out."
        )
    fits = [proposal_check.fit_proposal(space, one) for one in best]
    unfit = {name: why for fit in reversed(fits) for name, why in fit.unfit.items()}
    whys = "; ".join(why.rstrip(".") for why in list(unfit.values())[:BEST])
    left_out = f"; what does not fit is left to the sampler: {whys}" if unfit else ""
    found: list[Proposal] = []
    for fit in fits:
        if fit.proposal and fit.proposal not in found:
            found.append(fit.proposal)
    if not found:
        raise SweepError(
            f"Nothing of {sight.root} fits into {space.source.path} ({whys}): leave --from out."
        )
    return found, f"the best {len(best)} of {sight.root} make {len(found)} proposals here{left_out}"


def _best(sight: Snapshot) -> list[Proposal]:
    """Return what was proposed to the best of the finished experiences, each once."""
    entries = {one.number: one.trial_record.entry for one in sight.trials}
    found: list[Proposal] = []
    for row in sight.rows():
        proposal = entries[row["trial"]].params
        if (
            row["state"] == State.FINISHED
            and isinstance(proposal, dict)
            and proposal
            and proposal not in found
        ):
            found.append(proposal)
    return found[:BEST]
