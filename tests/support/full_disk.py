"""A disk that is really full: a tmpfs of some KiB, in a mount namespace of its own."""

import os
import re
import subprocess

from support.command import shell

SCRIPT = """
mount -t tmpfs -o size={size}k none {mounted} || exit 99
mkdir -p {root}
{run}; echo "first: $?" >&2
mount -o remount,size=100m {mounted}
{run}; echo "second: $?" >&2
cp -r {root}/. {end}
"""


PATIENCE_S = 3  # in place of a quarter of an hour, for nobody makes room


def run_on_a_disk_of(size, space, words, folder, end):
    """Run a sweep on a disk of so many KiB, and run it again once the disk has 100 MiB.

    Returns:
        For each of the two, its exit status and what it said. ``end`` holds the root then.
    """
    mounted = folder / "mounted"
    mounted.mkdir(parents=True)
    root = mounted / "root"
    run = shell("run", space, "--root", root, *words)
    script = SCRIPT.format(size=size, mounted=mounted, root=root, run=run, end=end)
    command = ["unshare", "-rm", "sh", "-c", script]
    env = {**os.environ, "SWEEP_PATIENCE_S": str(PATIENCE_S)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert "Traceback" not in done.stderr, done.stderr
    first, code, second, code_again, _ = re.split(r"(?:first|second): (\d+)\n", done.stderr)
    return (int(code), first), (int(code_again), second)
