"""An executor with a device that is where it was sent at once, in virtual time."""

from __future__ import annotations

from typing import Any

from pursuit.drivers.actuation import MoveExecutor
from pursuit.drivers.clock import NS_PER_MS, VirtualClock
from pursuit.drivers.envelope import Envelope
from pursuit.drivers.messages import Dynamics, Move, Report
from pursuit.drivers.stage import PoseModel

BOX = Envelope(((-1e3, 1e3), (-1e3, 1e3), (-10.0, 10.0)))
NEVER = 2**62
PLAIN, LOOSE = Dynamics(), Dynamics(delay_ms=0.0, backlash_um=2.0)


class Device:
    """A stage that is where it was sent at once, busy for that instant or longer, or silent."""

    takes_velocity = False

    def __init__(self, clock: VirtualClock) -> None:
        self.xy, self.z = (0.0, 0.0), 0.0
        self.sent: list[tuple[float, ...]] = []
        self.is_busy = self.refuses = self.silent = False
        self.sent_ns = -1
        self.stops: list[str] = []
        self.clock, self.reading_ms = clock, 0

    def xy_busy(self) -> bool:
        return self.is_busy or self.clock.now_ns() == self.sent_ns

    def focus_busy(self) -> bool:
        return self.is_busy

    def send_xy(self, x_um: float, y_um: float) -> None:
        if self.refuses:
            raise RuntimeError("busy")
        self.xy, self.sent_ns = (x_um, y_um), self.clock.now_ns()
        self.sent.append(self.xy)

    def send_focus(self, z_um: float) -> None:
        self.z = z_um

    def set_velocity(self, x_um_s: float, y_um_s: float) -> None:
        raise NotImplementedError

    def stop_xy(self) -> None:
        self.stops.append("xy")
        if self.silent:
            raise RuntimeError("no answer")

    def stop_focus(self) -> None:
        self.stops.append("focus")

    def read_xy(self) -> tuple[float, float]:
        self.clock.sleep_until_ns(self.clock.now_ns() + self.reading_ms * NS_PER_MS)
        return self.xy

    def read_focus(self) -> float:
        return self.z


class Stand:
    def __init__(
        self, dynamics: Dynamics = PLAIN, device: type[Device] = Device, waits: bool = False
    ) -> None:
        self.clock = VirtualClock()
        self.device: Any = device(self.clock)
        pose = PoseModel((0.0, 0.0, 0.0), dynamics, Dynamics(), waits)
        self.reasons: list[str] = []
        self.executor = MoveExecutor(self.device, pose, BOX, self.clock, self.reasons.append)

    def accept(self, frame: int, x: float, z: float | None = None, expires_ns: int = NEVER) -> None:
        self.executor.accept(Move(x, None, z, expires_ns, frame), 0, self.clock.now_ns())

    def step(self, kind: type[Report]) -> list:
        self.executor.step()
        return [report for report in self.executor.reports() if isinstance(report, kind)]

    def at_ms(self, ms: float) -> None:
        self.clock.sleep_until_ns(round(ms * NS_PER_MS))
