"""Results of other code count only where the user has accepted that code, and then for good."""

import shutil
from pathlib import Path

import pytest

from support.folders import Search, toy_experience
from support.stand_ins import SPACE, NoTraining, control
from sweep import Sweep
from sweep.errors import SweepError
from sweep.experience.folder import experiences_in
from sweep.experience.inventory import Inventory
from sweep.experience.record import Outcome, State
from sweep.maintenance.merge import find_others, merge
from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.source import SpaceSource, digest
from sweep.system.host import now

A, B, C = (SpaceSource(Path("toy.py"), f"def build_model(p):\n    return {n}\n") for n in "123")


class Root:
    """A root of toy experiences, each trained by some code."""

    def __init__(self, path):
        self.path, self.count = path, 0

    def add(self, source, accepted=(), state=State.FINISHED, is_older=False):
        """Write an experience as a training by that code leaves it."""
        self.count += 1
        outcome = state and Outcome(state, now(), None, {"val_acc": 0.5}, 0)
        made = toy_experience(self.path, self.count, self.count / 100, [0.5], outcome)
        record = made.read()
        record.search_space = {**source.identity(), "name": "toy", "accepted": list(accepted)}
        if is_older:
            del record.search_space["accepted"], record.search_space["modules"]
        made.write(record)
        return made

    def check(self, source, accept_change=False):
        """Do what ``run`` does before it trains, and return the source that trainings record."""
        folders = Inventory(self.path, "toy")
        source = folders.check_code(source, accept_change)
        folders.keep_accepted(source)
        return source

    def refuses(self, source):
        with pytest.raises(SearchSpaceWrong) as refused:
            self.check(source)
        return "was changed in build_model" in str(refused.value)

    def records(self):
        return {one.id: one.record.read_bytes() for one in experiences_in(self.path)}


@pytest.fixture
def root(tmp_path):
    return Root(tmp_path / "root")


def digests(*sources):
    return tuple(sorted(digest(source.identity()) for source in sources))


def test_the_same_code_goes_on_and_nothing_is_written(root):
    root.add(A)
    root.add(A, state=None)
    before = root.records()
    assert root.check(A).accepted == ()
    assert root.check(A, accept_change=True).accepted == ()
    assert root.records() == before


def test_what_was_accepted_once_is_accepted_for_good_and_nothing_else_is(root):
    for state in (State.FINISHED, State.PRUNED, State.FAILED, None):
        root.add(A, state=state)
    assert root.refuses(B)
    before = root.records()
    assert root.check(B, accept_change=True).accepted == digests(A, B)
    rewritten = [name for name, record in root.records().items() if record != before[name]]
    assert len(rewritten) == 1, (
        "one record of what has ended carries it, and the others are left alone"
    )
    before = root.records()
    assert root.check(B).accepted == root.check(A).accepted == digests(A, B)
    assert root.check(B, accept_change=True).accepted == digests(A, B)
    assert root.records() == before
    assert root.refuses(C), "neither did anybody accept it, nor has it trained what is here"
    root.add(B, accepted=digests(A, B))
    assert root.refuses(C)
    assert root.check(C, accept_change=True).accepted == digests(A, B, C)


def test_where_all_is_cut_off_the_next_session_carries_what_was_accepted(root):
    root.add(A, state=None)
    before = root.records()
    source = root.check(B, accept_change=True)
    assert source.accepted == digests(A, B)
    assert root.records() == before
    assert root.refuses(B), "nothing of it was begun"
    root.add(B, accepted=source.accepted, state=None)
    assert root.check(B).accepted == digests(A, B)


def test_every_experience_is_looked_at_and_not_the_latest_alone(root):
    root.add(B)
    root.add(A)
    assert root.refuses(A)


def test_a_root_of_an_older_version_goes_on_as_that_version_would(root):
    root.add(A, is_older=True)
    root.add(B, is_older=True)
    assert root.refuses(A), "the latest session decides"
    source = root.check(B)
    of_older = digest({"fingerprint": A.fingerprint()})
    assert set(source.accepted) == {of_older, *digests(B)}, "it has accepted what it let pass"
    root.add(B, accepted=source.accepted)
    assert root.check(B).accepted == source.accepted
    assert root.refuses(A), "whose modules the older version did not know"


def test_what_comes_in_by_hand_is_refused_until_it_is_accepted(root, tmp_path):
    root.add(A)
    theirs = Root(tmp_path / "theirs")
    theirs.count = 5
    other = theirs.add(B)
    shutil.copytree(other.path, root.path / other.id)
    assert root.refuses(A)
    assert root.check(A, accept_change=True).accepted == digests(A, B)
    assert root.check(A).accepted == digests(A, B)


@pytest.fixture
def merged(tmp_path):
    """Return a function that merges a root of B into one of A.

    It gives the root of A, and what was said.
    """

    def both(accept_change, of_theirs=(), ours=A):
        roots = {name: tmp_path / name for name in ("ours", "theirs")}
        Search(roots["ours"], "random", source=ours).go_on(1)
        theirs = Search(roots["theirs"], "random", source=B, seed=1).go_on(1)
        (one,) = experiences_in(theirs.root)
        record = one.read()
        record.search_space["accepted"] = list(of_theirs)
        one.write(record)
        others = find_others(roots["ours"], [roots["theirs"]])
        done = [one.what for one in merge(roots["ours"], A, others, accept_change)]
        return Root(roots["ours"]), done

    return both


def test_a_merge_that_accepts_other_code_lets_the_next_run_go_on(merged):
    root, done = merged(accept_change=True)
    assert done == ["new here: trial 1"]
    assert root.check(A).accepted == digests(A, B)
    assert root.refuses(C)


def test_a_merge_takes_in_what_was_accepted_before(merged):
    root, done = merged(accept_change=False, ours=A.with_accepted(digests(A, B)))
    assert done == ["new here: trial 1"]
    assert root.check(A).accepted == digests(A, B)


def test_what_another_root_has_accepted_is_not_accepted_here(merged):
    root, done = merged(accept_change=False, of_theirs=digests(A, B))
    assert done == ["not taken: it was trained by another build_model; see --accept-change"]
    assert root.check(A).accepted == ()


def test_a_merge_keeps_no_digest_of_theirs(merged):
    root, _ = merged(accept_change=True, of_theirs=digests(C))
    assert root.check(A).accepted == digests(A, B)


@pytest.fixture
def toy(tmp_path):
    """Return a function that writes a search space, with a helper beside it, and gives its path."""

    def write(helper="VALUE = 1"):
        path = tmp_path / "space.py"
        (tmp_path / "helper.py").write_text(helper)
        path.write_text("import helper\n" + SPACE)
        return path

    return write


def codes(root):
    return [one.read().search_space for one in experiences_in(root)]


def test_a_sweep_whose_helper_was_changed_is_refused_until_that_is_accepted(toy, tmp_path):
    root = tmp_path / "root"
    control(root, toy(), trials=2)
    assert {len(code["modules"]["helper"]) for code in codes(root)} == {1}
    changed = toy("VALUE = 2")
    with pytest.raises(SearchSpaceWrong, match=r"space.py was changed in VALUE in helper.py since"):
        control(root, changed, trials=3)
    control(root, changed, trials=3, accept_change=True)
    control(root, changed, trials=4)
    accepted = [len(code["accepted"]) for code in codes(root)]
    assert sorted(accepted) == [0, 2, 2, 2], "of the two first, one carries it; and the two last"
    control(root, toy(), trials=5)
    with pytest.raises(SearchSpaceWrong, match=r"VALUE in helper.py"):
        control(root, toy("VALUE = 3"), trials=6)


def test_a_study_that_is_made_again_accepts_nothing(toy, tmp_path):
    root = tmp_path / "root"
    control(root, toy(), trials=1)
    before = codes(root)
    changed = toy("VALUE = 2")
    Sweep(changed, root).rebuild()
    assert codes(root) == before
    with pytest.raises(SearchSpaceWrong, match=r"VALUE in helper.py"):
        control(root, changed, trials=2)


class Raises(NoTraining):
    """Fails each training as a search space that raises does, by its process or by itself."""

    def __init__(self, died):
        super().__init__()
        self.died = died

    def train(self, job, stop, on_news):
        end = super().train(job, stop, on_news)
        job.record.outcome = Outcome(State.FAILED, now(), "it raised", died=self.died)
        job.experience.write(job.record)
        return end


def cut_after_the_first(number, step):
    if (number, step) == (0, "trained"):
        raise SweepError("cut")


@pytest.mark.parametrize("died", [True, False])
def test_where_all_had_failed_mended_code_goes_on_now_and_after_a_cut(toy, tmp_path, died):
    root = tmp_path / "root"
    with pytest.raises(SweepError, match="all failed"):
        control(root, toy(), Raises(died), trials=2)
    mended = toy("VALUE = 2")
    with pytest.raises(SweepError, match="cut"):
        control(root, mended, NoTraining(reached=cut_after_the_first), trials=2)
    control(root, mended, trials=3)
    assert {one.read().outcome.state for one in experiences_in(root)} == {State.FINISHED}


def test_the_code_that_goes_on_with_a_cut_training_is_what_its_record_names(toy, tmp_path):
    root = tmp_path / "root"
    control(root, toy(), trials=1)
    (one,) = experiences_in(root)
    record = one.read()
    record.outcome, record.trials[0].ended = None, None
    one.write(record)
    control(root, toy("VALUE = 2"), trials=1, accept_change=True)
    after = one.read()
    assert after.search_space["modules"] != record.search_space["modules"]
    assert len(after.search_space["accepted"]) == 2
    assert (
        "its search space was changed on the way, in VALUE in helper.py"
        in after.approximate_because
    )
