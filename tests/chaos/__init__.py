"""The chaos suite kills, starves and damages sweeps; each must end as if nothing had happened.

``python -m tests.chaos``; see ``--help``.
"""

import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).parent.parent)
)  # the tools of the tests: they are modules, and no package
