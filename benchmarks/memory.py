"""How much memory a long sweep holds: python -m benchmarks.memory [TRIALS].

The memory of all its processes together, pages that they share counted once, while so many small trainings pass.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from sweep.experience.folder import experiences_in

SPACE = Path(__file__).parent / "spaces" / "mlp.py"


def held(process):
    """Return the megabytes of the tree now, of the controller alone, and how many processes there are."""
    everyone, total = [process, *process.children(recursive=True)], 0
    for one in everyone:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += one.memory_full_info().pss
    return total / 1e6, process.memory_info().rss / 1e6, len(everyone)


def main():
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        words = [
            "--root",
            root,
            "--trials",
            trials,
            "--epochs",
            2,
            "--workers",
            2,
            "--sampler",
            "random",
        ]
        command = [sys.executable, "-m", "sweep", "run", SPACE, *words]
        environment = {**os.environ, "XDG_CACHE_HOME": folder}
        sweep = psutil.Popen(
            [str(word) for word in command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        peaks = {}
        while sweep.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                begun = len(list(experiences_in(root)))
                peaks[begun * 4 // trials] = max(
                    held(sweep), peaks.get(begun * 4 // trials, (0, 0, 0))
                )
            time.sleep(0.2)
    for quarter, (tree, controller, processes) in sorted(peaks.items()):
        if quarter < 4:
            print(
                f"trainings {quarter * trials // 4 + 1} to {(quarter + 1) * trials // 4}: at most {tree:.0f} MB in "
                f"{processes} processes, the controller {controller:.0f} MB"
            )


if __name__ == "__main__":
    main()
