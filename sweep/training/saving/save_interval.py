"""How long a training goes on between two backups: what they cost, against what a cut would lose.

The interval that loses least time in all is Daly's, which refines Young's.

Sources:
    J. W. Young, "A first order approximation to the optimum checkpoint interval", Communications
    of the ACM 17(9), 1974, doi:10.1145/361147.361115.
    J. T. Daly, "A higher order estimate of the optimum checkpoint interval for restart dumps",
    Future Generation Computer Systems 22(3), 2006, doi:10.1016/j.future.2004.11.016.
"""

import math
from dataclasses import dataclass

from sweep.training.protocol import FIRST_SAVE_S
from sweep.wording import duration

LONGEST_S = 600.0
FOREGROUND_SHARE = 0.02  # of the time of a training that may go into backups
DISK_SHARE = 0.1  # of the time for which a disk may be busy with them
HOUR_S = 3600.0
GB = 1e9


@dataclass(frozen=True)
class SaveCost:
    """What one backup has cost.

    ``blocked_s`` is the time for which the training waited, ``cpu_s`` that in which the thread
    computed, ``disk_s`` that of the whole write.
    """

    blocked_s: float
    cpu_s: float
    disk_s: float
    bytes: int


class SaveInterval:
    """The seconds between two backups.

    Args:
        cut_every_s: the mean time between two cuts, in seconds.
        gb_an_hour: the most that may be written in an hour; None is as much as need be.
    """

    def __init__(self, cut_every_s: float, gb_an_hour: float | None = None) -> None:
        self._cut_every_s, self._gb_an_hour = cut_every_s, gb_an_hour
        self.seconds, self.reason = FIRST_SAVE_S, "until the first backup shows what one costs"

    def learn(self, cost: SaveCost) -> None:
        """Decide anew, by the latest backup."""
        lost_s = cost.blocked_s + cost.cpu_s
        until_cut = duration(self._cut_every_s)
        cuts = f"a backup costs {lost_s:.2g} s, and one cut is expected in {until_cut}"
        disk = f"a backup keeps the disk busy for {duration(cost.disk_s)}"
        blocked = f"a backup stops the training for {cost.blocked_s:.2g} s"
        seconds, reason = max(
            (daly_s(lost_s, self._cut_every_s), cuts),
            (cost.blocked_s / FOREGROUND_SHARE, blocked),
            (cost.disk_s / DISK_SHARE, disk),
        )
        if seconds > LONGEST_S:
            seconds, reason = LONGEST_S, f"a cut may lose {duration(LONGEST_S)} at most"
        if self._gb_an_hour:
            in_budget = cost.bytes * HOUR_S / (self._gb_an_hour * GB)
            budget = f"{self._gb_an_hour:g} GB an hour may go to the drive"
            seconds, reason = max((seconds, reason), (in_budget, budget))
        self.seconds, self.reason = seconds, reason


def daly_s(save_s: float, cut_every_s: float) -> float:
    """Return Daly's interval for a backup that costs ``save_s``, in seconds.

    See equation 37 there: the interval is the mean time between cuts where a backup costs more than
    twice as much.
    """
    if save_s >= 2 * cut_every_s:
        return cut_every_s
    ratio = save_s / (2 * cut_every_s)
    return math.sqrt(2 * save_s * cut_every_s) * (1 + math.sqrt(ratio) / 3 + ratio / 9) - save_s
