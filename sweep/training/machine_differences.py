"""Differences between the machines of two sessions that may change the bits of a training."""

from collections.abc import Iterator

from sweep.system.host import Machine


def describe_differences(before: Machine, now: Machine) -> Iterator[str]:
    """Yield in words how the machine of a session differs from that of the session before."""
    lost = sorted(set(before.flags) - set(now.flags))
    gained = sorted(set(now.flags) - set(before.flags))
    if lost or gained:
        changes = [*(f"without {flag}" for flag in lost), *(f"with {flag}" for flag in gained)]
        yield f"with another instruction set: {', '.join(changes)}"
    for name in sorted({*before.environment, *now.environment}):
        old, new = before.environment.get(name), now.environment.get(name)
        if old != new:
            old_text = before.environment.get(name, "nothing")
            new_text = now.environment.get(name, "nothing")
            yield f"with {name}={new_text} in place of {old_text}"
    for part, old, new in (
        ("hash seed", before.hash_seed, now.hash_seed),
        ("C library", before.libc, now.libc),
    ):
        if old != new:
            yield f"with another {part}: {old}, then {new}"
