"""Following, over the best that any controller could: error, losses, the fastest target."""

from .follow import POLICIES, Run, follow_once, run
from .speed import OURS, PEERS
from .speed import run as sweep_speed
from .stands import STANDS

__all__ = ["OURS", "PEERS", "POLICIES", "STANDS", "Run", "follow_once", "run", "sweep_speed"]
