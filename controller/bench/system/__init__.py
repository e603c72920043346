"""The system around the loop: its latency, the simulator's speed, the speed of transport."""

from .loop import run as time_loop
from .sim import run as time_simulator
from .transport import run as time_transport

__all__ = ["time_loop", "time_simulator", "time_transport"]
