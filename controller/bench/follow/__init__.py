"""Following, over the best that any controller could: error, losses, the fastest target."""

from .follow import POLICIES, Run, follow_once, run
from .realtime import SIZES, Setup
from .realtime import run as run_realtime
from .speed import OURS, PEERS
from .speed import run as sweep_speed
from .stands import STANDS

__all__ = [
    "OURS",
    "PEERS",
    "POLICIES",
    "SIZES",
    "STANDS",
    "Run",
    "Setup",
    "follow_once",
    "run",
    "run_realtime",
    "sweep_speed",
]
