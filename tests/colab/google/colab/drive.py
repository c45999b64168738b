"""``google.colab.drive``, without a Drive."""

from google.colab import note


def mount(mountpoint, force_remount=False, timeout_ms=120000, readonly=False):
    note(f"mount {mountpoint}")
    print(f"Mounted at {mountpoint}")
