"""The time to rebuild a study from the folders: python benchmarks/rebuild.py [EXPERIENCES …].

The folders are written as trainings leave them, with six parameters and twenty epochs each. Nothing
is trained.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sweep.experience.entries import Session, TrialEntry
from sweep.experience.folder import Experience
from sweep.experience.record import Outcome, Record, State
from sweep.space.identity import id_experience
from sweep.space.source import SpaceSource, find
from sweep.system.files import size_and_sha256
from sweep.system.host import now, this_process

SPACE = Path(__file__).parent / "spaces" / "nothing.py"
FLOAT = {
    "name": "FloatDistribution",
    "attributes": {"step": None, "low": 0.0, "high": 1.0, "log": False},
}


def write_experience(root: Path, source: SpaceSource, number: int, draw: random.Random) -> None:
    """Write the folder of a finished experience with random parameters and a random log."""
    params = {f"x{name}": draw.random() for name in range(6)}
    parameters = {**params, "epochs": 20, "batch_size": 32, "seed": 0}
    experience = Experience(root / id_experience(source.name, parameters))
    experience.path.mkdir()
    val_acc = [draw.random() for _ in range(20)]
    rows = [f"{epoch},0.5,1.0,{value},1.0\n" for epoch, value in enumerate(val_acc)]
    experience.log.write_text("epoch,acc,loss,val_acc,val_loss\n" + "".join(rows))
    entry = TrialEntry(
        number=number,
        params=params,
        distributions=dict.fromkeys(params, FLOAT),
        begun=now(),
        ended=now(),
    )
    best = max(val_acc)
    record = Record(
        id_experience=experience.id,
        search_space=source.identity(),
        parameters=parameters,
        seed=0,
        threads=1,
        trials=[entry],
        sessions=[Session(begun=now(), epoch=0, batch=0, process=this_process())],
        outcome=Outcome(
            State.FINISHED,
            now(),
            None,
            {"val_acc": best},
            val_acc.index(best),
            log=size_and_sha256(experience.log),
        ),
    )
    experience.record.write_bytes(record.as_json())


COMMANDS = (
    ["rebuild"],
    ["run", "--trials", "{experiences}"],
    ["verify"],
    ["results", "--format", "json"],
    ["status"],
)


def measure(experiences: int) -> None:
    """Print how long each command takes under a root of so many experiences."""
    with tempfile.TemporaryDirectory() as folder:
        root, draw = Path(folder) / "root", random.Random(0)
        root.mkdir()
        source = find(str(SPACE))
        for number in range(experiences):
            write_experience(root, source, number, draw)
        for name, *options in COMMANDS:
            words = [str(SPACE), "--root", str(root)]
            words += [option.format(experiences=experiences) for option in options]
            begun = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "sweep", name, *words],
                capture_output=True,
                text=True,
                check=True,
            )
            took = time.perf_counter() - begun
            print(f"{experiences:6} experiences: sweep {name:8} {took:6.1f} s")
            if name == "results":
                assert len(json.loads(done.stdout)) == experiences


if __name__ == "__main__":
    for number in [int(word) for word in sys.argv[1:]] or [1_000, 10_000]:
        measure(number)
