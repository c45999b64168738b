"""The verification of a whole sweep, its folders, its study and its models."""

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
    """The verification and the repair of a sweep.

    Args:
        space: name or path of its search space.
        root: of the sweep.
        study: the URL of its study, or the folder of its journal; None is the default place.
        progress: shows how much is checked.
    """

    def __init__(
        self, space: str, root: Path, study: str | Path | None, progress: Progress
    ) -> None:
        self._source = source.find(space)
        self._root, self._progress = root, progress
        self._study = study if isinstance(study, str) else study_of(root, study)

    def findings(self, models: bool) -> Iterator[Finding]:
        """Yield a finding for each experience, for each foreign thing, and for the study.

        Args:
            models: load and evaluate every best model; those that are wrong are findings.
        """
        inventory = Inventory(self._root, self._source.name)
        with self._progress.count("checking", len(inventory.recorded())) as done:
            for finding in findings.verify_root(self._root, self._source.name):
                yield finding
                done()
        is_well, text = compare_study(self._source.name, self._study, inventory.trials())
        yield Finding("study", "well" if is_well else "damaged", text)
        if models:
            yield from self._verify_models(inventory)

    def repair(self) -> None:
        """Repair what can be repaired.

        What is in the way is moved away, and lost files that are held twice are put in place. An
        experience whose end cannot be kept is interrupted again, for ``run`` to train.
        """
        with RootLock(self._root, self._progress.say, threading.Event()):
            for finding in list(findings.verify_root(self._root, self._source.name)):
                findings.repair(finding, self._root)
            inventory = Inventory(self._root, self._source.name)
            inventory.check()
            inventory.settle(self._progress.say, thoroughly=True)

    def study_is_well(self) -> bool:
        """Tell whether the study agrees with the folders."""
        trial_records = Inventory(self._root, self._source.name).trials()
        is_well, _ = compare_study(self._source.name, self._study, trial_records)
        return is_well

    def _verify_models(self, inventory: Inventory) -> Iterator[Finding]:
        finished = [
            (experience, record)
            for experience, record in inventory.recorded()
            if record.outcome
            and record.outcome.state is State.FINISHED
            and is_file(experience.meilleur)
        ]
        self._progress.say("importing Keras, to load the models")
        prepare_for_keras()
        import sweep.training.preload  # noqa: F401 # imports Keras in silence
        from sweep.training.evaluate import evaluate

        space = search_space.load(self._source)

        with (
            self._progress.count("evaluating", len(finished)) as done,
            mistakes.mistakes_in(self._source.path),
        ):
            loaded = len(finished)
            for experience, kind, why in evaluate(space, finished, done, self._progress.say):
                loaded -= kind == "unchecked"
                if kind != "well":
                    yield Finding(experience.id, kind, why)
        of_all = f" of {len(finished)}" if loaded < len(finished) else ""
        yield Finding("models", "well", f"{loaded}{of_all} loaded and evaluated")
