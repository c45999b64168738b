"""The memory of a long sweep: python -m benchmarks.memory [TRIALS].

It is that of all processes together, with shared pages counted once, during that many small
trainings.
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


def memory_of(controller):
    """Return the MB of the whole tree of processes, those of the controller, and their number."""
    processes, total = [controller, *controller.children(recursive=True)], 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss
    return total / 1e6, controller.memory_info().rss / 1e6, len(processes)


def start_sweep(folder, root, trials):
    """Start a sweep of small trainings and return its process."""
    options = ["--trials", trials, "--epochs", 2, "--workers", 2, "--sampler", "random"]
    command = [sys.executable, "-m", "sweep", "run", SPACE, "--root", root, *options]
    return psutil.Popen(
        [str(word) for word in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "XDG_CACHE_HOME": folder},
    )


def main():
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder:
        root, peaks = Path(folder) / "root", {}
        controller = start_sweep(folder, root, trials)
        while controller.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                quarter = len(list(experiences_in(root))) * 4 // trials
                peaks[quarter] = max(memory_of(controller), peaks.get(quarter, (0, 0, 0)))
            time.sleep(0.2)
    for quarter, (tree, alone, processes) in sorted(peaks.items()):
        if quarter < 4:
            first, last = quarter * trials // 4 + 1, (quarter + 1) * trials // 4
            print(
                f"trainings {first} to {last}: at most {tree:.0f} MB in {processes} processes, "
                f"the controller {alone:.0f} MB"
            )


if __name__ == "__main__":
    main()
