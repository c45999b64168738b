"""A warm start: the best proposals of another sweep, to be tried first in this one.

The other sweep may have another search space. Its values cannot be compared with those of this one,
so Optuna is not told any of them. The code of the other search space is not executed.
"""

from pathlib import Path

from sweep.errors import Misuse, SweepError
from sweep.experience.record import State
from sweep.experience.root import DEFAULT, existing_root, root_of
from sweep.experience.snapshot import Snapshot
from sweep.search import proposal_check
from sweep.search.enqueued import Proposal
from sweep.space.search_space import SearchSpace
from sweep.wording import nearest

BEST = 5


def find_other_root(other: str | Path, space: str | Path, root: Path) -> Path:
    """Return the root of another sweep, by its path or by the name of its search space.

    Args:
        other: what was asked for.
        space: of this sweep, from whose project a path is told.
        root: of this sweep.

    Raises:
        Misuse: there is none, or it is ``root`` itself.
    """
    by_path, by_name = (existing_root(space, folder) for folder in (Path(other), DEFAULT / other))
    other_root = by_path if by_path.is_dir() else by_name
    if other_root == root:
        raise Misuse(f"{other_root} is this root itself: name another sweep with --from.")
    if other_root.is_dir():
        return other_root
    all_roots = root_of(space, DEFAULT)
    folders = all_roots.iterdir() if all_roots.is_dir() else ()
    near = nearest(str(other), sorted(path.name for path in folders if path.is_dir()))
    mend = f"did you mean {near}?" if near else "name its root, or its search space, with --from."
    raise Misuse(f"There is no sweep {other} to begin from: {mend}")


def fitting_proposals(space: SearchSpace, other: Snapshot) -> tuple[list[Proposal], str]:
    """Return the best proposals of another sweep that fit this search space, and a summary.

    A proposal that fits in part is returned in part.

    Raises:
        SweepError: the other sweep has no finished experience, or none that fits.
    """
    best = _best_proposals(other)
    if not best:
        raise SweepError(
            f"{other.root} has no finished experience to begin from: let it end one, or leave "
            "--from out."
        )
    fits = [proposal_check.fit_proposal(space, proposal) for proposal in best]
    unfit = {name: why for fit in reversed(fits) for name, why in fit.unfit.items()}
    whys = "; ".join(why.rstrip(".") for why in list(unfit.values())[:BEST])
    left_out = f"; what does not fit is left to the sampler: {whys}" if unfit else ""
    fitting: list[Proposal] = []
    for fit in fits:
        if fit.proposal and fit.proposal not in fitting:
            fitting.append(fit.proposal)
    if not fitting:
        raise SweepError(
            f"Nothing of {other.root} fits into {space.source.path} ({whys}): leave --from out."
        )
    summary = f"the best {len(best)} of {other.root} make {len(fitting)} proposals here{left_out}"
    return fitting, summary


def _best_proposals(snapshot: Snapshot) -> list[Proposal]:
    """Return the parameters that were proposed to the best finished experiences, each once."""
    entries = {trial.number: trial.trial_record.entry for trial in snapshot.trials}
    best: list[Proposal] = []
    for row in snapshot.rows():
        proposal = entries[row["trial"]].params
        is_proposal = isinstance(proposal, dict) and proposal
        if row["state"] == State.FINISHED and is_proposal and proposal not in best:
            best.append(proposal)
    return best[:BEST]
