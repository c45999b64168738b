"""Run the chaos suite; see --help. Exit status 0 where all cuts were survived."""

import argparse
import concurrent.futures
import random
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from support import command
from support.trainer import SPACES

from . import cuts, damage, days, mishaps
from .case import Case, Chaos, say
from .drive import NoDrive

SIDE_BY_SIDE = 2
LONGEST_S = 900  # of a command: two trainings may write 264 MB again and again on a slow disk


def space(name: str) -> str:
    return str(SPACES / f"{name}.py")


def kills(chaos: Chaos) -> Iterator[Case]:
    """SIGKILLs at random moments lose nothing and train nothing twice."""
    few = ("--trials", 3, "--save-freq", 3)
    spaces = {
        space("slow"): ("--trials", 5, "--save-freq", 2),
        **{space(name): few for name in ("mlp", "cnn", "lstm")},
    }
    return cuts.kill(chaos, "kills", chaos.kills - chaos.kills // 8, spaces)


def workers(chaos: Chaos) -> Iterator[Case]:
    """The same with two trainings side by side; the random sampler needs no order of their ends."""
    words = ("--trials", 6, "--save-freq", 2, "--workers", 2, "--sampler", "random")
    return cuts.kill(chaos, "kills of two workers", chaos.kills // 8, {space("slow"): words})


def promotions(chaos: Chaos) -> Iterator[Case]:
    """SIGKILLs change nothing of what a scheduler decides, nor of what it has paused."""
    words = ("--trials", 8, "--epochs", 9, "--save-freq", 3, "--sampler", "tpe:n_startup_trials=3")
    spaces = {
        space("toy"): (*words, "--scheduler", "asha", "--finish", "best:1"),
        space("mlp"): (*words, "--scheduler", "sh:eta=2", "--epochs-total", 40),
    }
    kills, how = max(4, chaos.kills // 4), cuts.KillsOfPromotions
    return cuts.kill(chaos, "kills of promotions", kills, spaces, how)


def large_saves(chaos: Chaos) -> Iterator[Case]:
    """SIGKILLs while 264 MB are being written find the last whole backup."""
    kills = max(4, chaos.kills // 3)
    return cuts.kill_in_saves(chaos, "kills in saves", kills, space("large"), ("--trials", 1))


def damages(chaos: Chaos) -> Iterator[Case]:
    """A torn, missing, foreign, old or doubled file ends in the right result or in one sentence."""
    return damage.cases(chaos)


SCENARIOS: dict[str, Callable[[Chaos], Iterable[Case]]] = {
    one.__name__: one
    for one in (
        kills,
        workers,
        promotions,
        large_saves,
        damages,
        mishaps.study_lost,
        mishaps.full_disk,
        mishaps.drive_fails,
        mishaps.paused,
        mishaps.two_controllers,
        mishaps.clock_set_back,
        days.missing_data,
        days.missing_package,
        days.dead_stderr,
        days.closed_terminal,
        days.suspended_machine,
        days.ten_bad_days,
    )
}


def main() -> int:
    options = read_options()
    folder = Path(tempfile.mkdtemp(prefix="chaos."))
    targets = {name: cuts.TARGETS[name] for name in options.targets.split(",")}
    command.LONGEST_S = LONGEST_S
    chaos = Chaos(folder, options.seed, options.kills, options.damages, targets)
    say(f"seed {options.seed}, in {folder}")
    try:
        cases = [case for name in options.only or SCENARIOS for case in run(name, chaos)]
    except (NoDrive, mishaps.Missing) as missing:
        say(f"chaos: {missing}")
        return 1
    for case in cases:
        if case.wrong:
            print(f"WRONG: {case.what}: {case.wrong}; seed {options.seed}, kept in {case.root}")
    survived, made = (
        sum(case.cuts for case in cases if not case.wrong),
        sum(case.cuts for case in cases),
    )
    equal, experiences = sum(case.equal for case in cases), sum(case.experiences for case in cases)
    print(f"chaos: {survived} of {made} cuts survived, {equal} of {experiences} experiences equal")
    if any(case.wrong for case in cases) or not made:
        return 1
    shutil.rmtree(folder)
    return 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m tests.chaos", description=sys.modules[__package__].__doc__
    )
    for name, default, what in (
        ("--kills", 200, "how many SIGKILLs"),
        ("--damages", 1000, "how many files are damaged, at most"),
        ("--seed", random.randrange(10**6), "what draws them; another one each time"),
    ):
        parser.add_argument(
            name, type=int, default=default, metavar="N", help=f"{what} [%(default)s]"
        )
    parser.add_argument(
        "--only", action="append", choices=SCENARIOS, help="may be given more than once"
    )
    parser.add_argument(
        "--targets",
        default=",".join(cuts.TARGETS),
        metavar="A,B",
        help="what is killed [%(default)s]",
    )
    return parser.parse_args()


def run(name: str, chaos: Chaos) -> list[Case]:
    """Run one scenario, some of its cases side by side, and print what came of it."""
    scenario = SCENARIOS[name]
    say(f"{name}: {scenario.__doc__}")
    queue, lock, done = iter(scenario(chaos)), threading.Lock(), []

    def work() -> None:
        while True:
            with lock:
                case = next(queue, None)
            if case is None:
                return
            done.append(case.run())

    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for future in [pool.submit(work) for _ in range(SIDE_BY_SIDE)]:
            future.result()
    notes = sum((case.notes for case in done), Counter())
    right = sum(not case.wrong for case in done)
    print(
        f"{name}: {scenario.__doc__} {right} of {len(done)} cases, "
        f"{sum(case.cuts for case in done)} cuts"
    )
    if notes:
        print("  " + ", ".join(f"{count} {note}" for note, count in notes.most_common()))
    return done


if __name__ == "__main__":
    sys.exit(main())
