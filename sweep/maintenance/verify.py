"""The whole verification of a sweep: its folders, its study, its models; and what can be mended of it."""

import threading
from collections.abc import Iterator
from pathlib import Path

from sweep.console.progress import Progress
from sweep.experience.inventory import Inventory
from sweep.experience.record import State
from sweep.experience.root import study_of
from sweep.experience.root_lock import RootLock
from sweep.maintenance import findings
from sweep.maintenance.findings import Finding
from sweep.search.study_check import compare_study
from sweep.space import mistakes, search_space, source
from sweep.system.host import prepare_for_keras
from sweep.system.plain_files import is_file


class Verification:
    """Looks at all of a sweep.

    Args:
        space: name or path of its search space.
        root: of the sweep.
        where: its study: an URL, or the folder of its journal; None is where it is by default.
        progress: shows how far it is.
    """

    def __init__(
        self, space: str, root: Path, where: str | Path | None, progress: Progress
    ) -> None:
        self._source = source.find(space)
        self._root, self._progress = root, progress
        self._where = where if isinstance(where, str) else study_of(root, where)

    def findings(self, models: bool) -> Iterator[Finding]:
        """Yield a line for each experience, for what is foreign, for the study, and for each model that is not right."""
        folders = Inventory(self._root, self._source.name)
        with self._progress.count("checking", len(folders.recorded())) as done:
            for finding in findings.verify_root(self._root, self._source.name):
                yield finding
                done()
        is_well, text = compare_study(self._source.name, self._where, folders.trials())
        yield Finding("study", "well" if is_well else "damaged", text)
        if models:
            yield from self._of_models(folders)

    def repair(self) -> None:
        """Move away what is in the way, put in place what is held twice, and take back the ends that cannot be kept."""
        with RootLock(self._root, self._progress.say, threading.Event()):
            for finding in list(findings.verify_root(self._root, self._source.name)):
                findings.repair(finding, self._root)
            folders = Inventory(self._root, self._source.name)
            folders.check()
            folders.settle(self._progress.say, thoroughly=True)

    def study_is_well(self) -> bool:
        """Tell whether the study is as the folders say."""
        return compare_study(
            self._source.name, self._where, Inventory(self._root, self._source.name).trials()
        )[0]

    def _of_models(self, folders: Inventory) -> Iterator[Finding]:
        finished = [
            (experience, record)
            for experience, record in folders.recorded()
            if record.outcome
            and record.outcome.state is State.FINISHED
            and is_file(experience.meilleur)
        ]
        self._progress.say("importing Keras, to load the models")
        prepare_for_keras()
        import sweep.training.preload  # noqa: F401 # imported for what it does to this process
        from sweep.training.evaluate import evaluate

        space = search_space.load(self._source)

        with (
            self._progress.count("evaluating", len(finished)) as done,
            mistakes.mistakes_in(self._source.path),
        ):
            for experience, wrong in evaluate(space, finished, done, self._progress.say):
                if wrong:
                    yield Finding(experience.id, "damaged", wrong)
        yield Finding("models", "well", f"{len(finished)} loaded and evaluated")
