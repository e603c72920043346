"""The brake: a drive is told to stop until it is read to stand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..clock import NS_PER_MS, NS_PER_S, Clock
from ..messages import Dynamics
from ..microscope import one_line
from ..stage import PoseModel
from .device import StageDevice

_STILL_UM = 1.0
"""Distance within which readings are of a drive that stands. Chosen: the coarsest encoders in use
count micrometres."""
_STILL_NS = 20 * NS_PER_MS
"""How long it has to stand, beyond the delay after which a command shows. Chosen: at a tenth of a
millimetre a second it would be seen to move."""
_REPEAT_NS = 10 * NS_PER_MS
"""Time between two orders to stop. Chosen: some serial lines take that long for one."""
_SLOWING = 0.5
"""Share of its deceleration at which a drive has to slow down. Chosen: half of it is found by any
two readings."""
_PATIENCE_NS = 1_000 * NS_PER_MS
"""How much longer than braking takes a drive may go on until it is said that it does not stop.
Chosen: a person who pressed the button wants to know."""


@dataclass(frozen=True, slots=True)
class Drive:
    """One drive, as far as the brake has to know it.

    Attributes
    ----------
    name : str
        For messages.
    dynamics : Dynamics
        As configured: says how soon an order shows, and how fast the drive slows down.
    stop : callable
        Tells it to stop.
    read : callable
        Asks it where it is, a tuple in µm.
    hold : callable
        Sends it to a position in µm.
    """

    name: str
    dynamics: Dynamics
    stop: Callable[[], None]
    read: Callable[[], tuple[float, ...]]
    hold: Callable[..., None]

    @property
    def patience_ns(self) -> int:
        """How long the brake tries at the most, unless the device blocks."""
        about = self.dynamics
        braking_s = about.delay_ms / 1e3 + about.speed_um_s / about.acceleration_um_s2
        return 2 * round(braking_s * NS_PER_S) + _PATIENCE_NS


class Brake:
    """Brings the drives of a stage to rest, whatever else goes on.

    It shares with the code that carries out moves no lock that is held while hardware is waited
    for, so that nothing can hold it up. Used from any thread, by one at a time for each drive.

    Parameters
    ----------
    device : StageDevice
    pose : PoseModel
        Told of every order; says how fast the drives brake.
    clock : Clock

    Attributes
    ----------
    clock : Clock
    drives : (Drive, Drive)
        XY stage and focus drive.
    """

    def __init__(self, device: StageDevice, pose: PoseModel, clock: Clock) -> None:
        self._device, self._pose, self.clock = device, pose, clock
        stage, focus = pose.nominal, pose.nominal_focus
        self.drives = (
            Drive("stage", stage, self._stop_xy, device.read_xy, self._hold_xy),
            Drive("focus drive", focus, device.stop_focus, self._read_focus, self._hold_focus),
        )

    def bring_to_rest(self, drive: Drive, others_command: Callable[[], bool]) -> str:
        """Tell a drive to stop until it is read to stand.

        A drive that refuses the order, or does not slow down, is sent to where it is.

        Parameters
        ----------
        drive : Drive
            Of `drives`.
        others_command : callable
            Whether a command that began before may still reach the drive: it is not at rest
            until that is over.

        Returns
        -------
        str
            Empty if it stands; else a sentence that says why that is not known.
        """
        motion = _Motion(drive.dynamics, self.clock.now_ns())
        give_up_ns = motion.began_ns + drive.patience_ns
        hold_um: tuple[float, ...] = ()
        problem = ""
        while (now_ns := self.clock.now_ns()) <= give_up_ns:
            problem = self._order(drive, hold_um)
            read_um, unreadable = _read(drive)
            motion.note(self.clock.now_ns(), () if others_command() else read_um)
            if motion.stands:
                return ""
            if problem or not motion.slows:
                hold_um = hold_um or read_um
            problem = problem or unreadable
            self.clock.sleep_until_ns(now_ns + _REPEAT_NS)
        reason = problem or "it is still moving."
        return f"The {drive.name} was told to stop but is not known to stand: {reason}"

    def _order(self, drive: Drive, hold_um: tuple[float, ...]) -> str:
        """Give the order, and if there is a position to hold, that; return what went wrong."""
        orders = [drive.stop, *([partial(drive.hold, *hold_um)] if hold_um else [])]
        problem = ""
        for order in orders:
            try:
                order()
            except Exception as error:
                problem = problem or one_line(error)
        return problem

    def _stop_xy(self) -> None:
        """Take the velocity from the stage and halt it, the one even if the other fails."""
        try:
            if self._device.takes_velocity:
                self._device.set_velocity(0.0, 0.0)
        finally:
            self._device.stop_xy()
            self._pose.halted(self.clock.now_ns())

    def _hold_xy(self, x_um: float, y_um: float) -> None:
        self._device.send_xy(x_um, y_um)
        self._pose.commanded(self.clock.now_ns(), x_um, y_um, None)

    def _hold_focus(self, z_um: float) -> None:
        self._device.send_focus(z_um)
        self._pose.commanded(self.clock.now_ns(), None, None, z_um)

    def _read_focus(self) -> tuple[float]:
        return (self._device.read_focus(),)


class _Motion:
    """What readings tell of a drive that was told to stop.

    Attributes
    ----------
    began_ns : int
    stands, slows : bool
        Whether it has stood for long enough, and whether it slows down as it should.
    """

    def __init__(self, dynamics: Dynamics, began_ns: int) -> None:
        self._acceleration_um_s2 = dynamics.acceleration_um_s2
        self._shows_ns = round(dynamics.delay_ms * NS_PER_MS) + _STILL_NS
        self.began_ns = self._still_ns = self._at_ns = began_ns
        self._rest_um: tuple[float, ...] = ()
        self._at_um: tuple[float, ...] = ()
        self._speed_um_s = math.inf
        self.stands, self.slows = False, True

    def note(self, now_ns: int, read_um: tuple[float, ...]) -> None:
        """Take in a reading, empty if there was none."""
        if not (read_um and self._rest_um and math.dist(read_um, self._rest_um) <= _STILL_UM):
            self._rest_um, self._still_ns = read_um, now_ns
        self.stands = bool(read_um) and now_ns - self._still_ns >= self._shows_ns
        if read_um and self._at_um and now_ns > self._at_ns:
            s = (now_ns - self._at_ns) / NS_PER_S
            speed = math.dist(read_um, self._at_um) / s
            most = max(self._speed_um_s - _SLOWING * self._acceleration_um_s2 * s, _STILL_UM / s)
            self.slows = speed <= most or now_ns - self.began_ns < self._shows_ns
            self._speed_um_s = speed
        self._at_um, self._at_ns = read_um, now_ns


def _read(drive: Drive) -> tuple[tuple[float, ...], str]:
    """Return where a drive is, empty if that cannot be read, and why not."""
    try:
        read_um = drive.read()
    except Exception as error:
        return (), one_line(error)
    if not all(map(math.isfinite, read_um)):
        return (), f"it says that it is at {read_um}."
    return read_um, ""
