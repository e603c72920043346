"""One axis of a stage: a drive that obeys commands and the load that it carries."""

from __future__ import annotations

from ..clock import NS_PER_MS, NS_PER_S
from ..messages import Dynamics
from .axis import Axis, State
from .backlash import Backlash
from .profiles import AccelerationStep
from .ringing import Ringing

_VELOCITY_CORRECTION = 0.5
"""Share of a residual that is corrected while an axis keeps a velocity and so never rests. Chosen:
half of it may be an error of time."""


class LoadedAxis:
    """Where drive and load of an axis are, from the commands it was given.

    The drive is where its commands have taken it, plus an offset that is corrected by what is
    seen of it; the load follows through backlash and rings.

    Parameters
    ----------
    position_um : float
        Where the axis rests before the first command.
    dynamics : Dynamics
    backlash_um : float
        0 if it is compensated elsewhere.

    Attributes
    ----------
    drive : Axis
        The commands in its own coordinates, which are `offset_um` less than the stage's.
    offset_um : float
    ringing : Ringing
    """

    def __init__(self, position_um: float, dynamics: Dynamics, backlash_um: float) -> None:
        self.drive, self.offset_um = Axis(position_um, dynamics), 0.0
        self.ringing = Ringing(dynamics)
        self._backlash = Backlash(backlash_um, position_um)

    def command(self, at_ns: int, target_um: float) -> None:
        """Note that the drive was sent to a target."""
        self.drive.command(at_ns, target_um - self.offset_um)

    def identified(self, dynamics: Dynamics) -> None:
        """Take the axis for one with other dynamics, the commands under way included."""
        self.drive, self.ringing = self.drive.replayed(dynamics), Ringing(dynamics)

    def reset(self, at_ns: int, position_um: float) -> None:
        """Forget all commands: the axis rests at a position."""
        self.drive.reset(at_ns, position_um)
        self._backlash.reset(at_ns, position_um)
        self.offset_um = 0.0

    def drive_um(self, at_ns: int) -> float:
        """Position of the drive."""
        return self.drive.state(at_ns)[0] + self.offset_um

    def state(self, at_ns: int) -> State:
        """Position and velocity of the drive."""
        x, v = self.drive.state(at_ns)
        return x + self.offset_um, v

    @property
    def target_um(self) -> float:
        """Where the drive is going, or rests."""
        return self.drive.target_um + self.offset_um

    @property
    def settled_ns(self) -> int:
        """When the last move has ended and the axis has settled."""
        return self.drive.rest_ns + round(self.drive.dynamics.settle_ms * NS_PER_MS)

    def load_um(self, at_ns: int, exposure_ns: int = 0) -> float:
        """Position of the load, or its mean over an exposure around an instant."""
        instants_ns = self.drive.instants(at_ns, exposure_ns)
        positions_um = (self._backlash.load_um(self.drive_um, each) for each in instants_ns)
        pushed_um = sum(positions_um) / len(instants_ns)
        if not self.ringing.rings:
            return pushed_um
        span_s = exposure_ns / NS_PER_S
        return pushed_um + self.ringing.ahead_um(
            self.acceleration_steps(at_ns + exposure_ns // 2, span_s), span_s
        )

    def acceleration_steps(self, at_ns: int, span_s: float = 0.0) -> list[AccelerationStep]:
        """Changes of the drive's acceleration that matter over a span of time until an instant."""
        return list(self.drive.acceleration_steps(at_ns, self.ringing.memory_s + span_s))

    def drive_target_um(self, at_ns: int, load_um: float) -> float:
        """Where the drive must be sent at an instant to bring the load to a position."""
        begins_ns = at_ns + round(self.drive.dynamics.delay_ms * NS_PER_MS)
        return self._backlash.drive_target_um(self.drive_um, begins_ns, load_um)

    def locate(self, load_um: float, at_ns: int, exposure_ns: int) -> None:
        """Set the offset by where the load was in the mean over an exposure."""
        self.offset_um = 0.0
        self.offset_um = load_um - self.load_um(at_ns, exposure_ns)

    def residual_um(self, at_ns: int, read_um: float) -> float:
        """How far a reading of the drive is from the model."""
        return read_um - self.drive.state(at_ns)[0] - self.offset_um

    def correct(self, at_ns: int, residual_um: float, share: float) -> None:
        """Correct the offset by a share of a residual, unless that may be an error of time."""
        if at_ns >= self.settled_ns:
            self.offset_um += share * residual_um
        elif self.drive.keeps_velocity(at_ns):
            self.offset_um += _VELOCITY_CORRECTION * residual_um
