"""A simulated stage: its commands, the position of its encoder and that of its load."""

from __future__ import annotations

import threading

import numpy as np

from ...drivers.clock import NS_PER_MS, NS_PER_S
from ...drivers.messages import Dynamics
from ...drivers.stage import Axis, Ringing
from .faults import Faults, FaultSettings

_STEP_NS = NS_PER_MS // 2
"""The load is pushed in steps: a reversal within one is missed by ``a h²/8``, 3 nm at 10⁵ µm/s²."""


class StageModel(Dynamics, frozen=True):
    """The true behaviour of a stage; the numbers of `Dynamics` are what identification would find.

    Attributes
    ----------
    delay_jitter_ms : float
        Standard deviation of the delay.
    ring_damping : float
        As in `Dynamics`; without a ``ring_hz`` it has no effect.
    drift_um_s : (x, y)
        Steady thermal drift of the load (only the first is used by a focus drive).
    encoder_um : float
        Resolution of the encoder, which sits on the drive and sees neither backlash nor drift.
    serial_ms : float
        How long each command or reading blocks its caller.
    dead_band_um : float
        Commands that are shorter along an axis are not carried out.
    """

    delay_jitter_ms: float = 0.0
    ring_damping: float = 0.3
    drift_um_s: tuple[float, float] = (0.0, 0.0)
    encoder_um: float = 0.0
    serial_ms: float = 0.0
    dead_band_um: float = 0.0

    @property
    def dynamics(self) -> Dynamics:
        """Return what identification would find."""
        return Dynamics(**{name: getattr(self, name) for name in Dynamics.__struct_fields__})


class SimStage:
    """Axes that obey commands after a delay, with the faults of real ones.

    Safe to use from several threads.

    Parameters
    ----------
    model : StageModel
        How the stage behaves.
    position_um : tuple of float
        Where it starts; its length is the number of axes.
    rng : numpy.random.Generator
        For the jitter of the delay.
    faults : Faults, optional
        What goes wrong with it.
    """

    def __init__(
        self,
        model: StageModel,
        position_um: tuple[float, ...],
        rng: np.random.Generator,
        faults: Faults | None = None,
    ) -> None:
        self.model = model
        self.faults = faults or Faults()
        self._rng = rng
        self._overruled: FaultSettings | None = None
        self._acted_ns = 0
        self._drives = [Axis(position, model) for position in position_um]
        self._loads = [
            _Load(drive, model, drift, self.faults)
            for drive, drift in zip(self._drives, model.drift_um_s, strict=False)
        ]
        self._lock = threading.Lock()

    def command(self, arrived_ns: int, *target_um: float) -> None:
        """Send each axis to a target; the command reaches the controller at ``arrived_ns``."""
        with self._lock:
            if self._refuses(arrived_ns):
                return
            shows_ns = arrived_ns + self._late_ns()
            for drive, target in zip(self._drives, target_um, strict=True):
                if abs(target - drive.target_um) >= self.model.dead_band_um:
                    drive.command(shows_ns, target)

    def set_velocity(self, arrived_ns: int, *velocity_um_s: float | None) -> None:
        """Give each axis a velocity, to be kept until the next command; None leaves it alone."""
        with self._lock:
            if self._refuses(arrived_ns):
                return
            shows_ns = arrived_ns + self._late_ns()
            for drive, velocity in zip(self._drives, velocity_um_s, strict=True):
                if velocity is not None:
                    drive.set_velocity(shows_ns, velocity)

    def _refuses(self, at_ns: int) -> bool:
        """Whether a fault keeps commands from being carried out; raises if the device says so."""
        if self.faults.at(at_ns, "refuses"):
            raise RuntimeError("Error in device XY: unrecognized answer to MOVE (10004)")
        self._let_faults_act(at_ns)
        return self._overruled is not None

    def _let_faults_act(self, at_ns: int) -> None:
        """Let a hand, or what blocks the drive, take it over, or let go of it."""
        fault = self.faults.at(at_ns, "jams", "hand")
        if fault is self._overruled or at_ns < self._acted_ns:
            return
        self._overruled, self._acted_ns = fault, at_ns
        at_once_ns = at_ns - round(self.model.delay_ms * NS_PER_MS)
        for i, drive in enumerate(self._drives):
            if fault is not None and fault.kind == "hand":
                drive.set_velocity(at_once_ns, fault.velocity_um_s[i])
            else:
                drive.halt(at_once_ns)

    def _late_ns(self) -> int:
        """How much later than usual a command shows."""
        jitter_ns = self._rng.normal(0, self.model.delay_jitter_ms) * NS_PER_MS
        return max(round(jitter_ns), -round(self.model.delay_ms * NS_PER_MS))

    def halt(self, arrived_ns: int) -> None:
        """Brake every axis to rest."""
        with self._lock:
            for drive in self._drives:
                drive.halt(arrived_ns)

    def encoder_um(self, at_ns: int) -> tuple[float, ...]:
        """What the stage answers when asked where it is."""
        with self._lock:
            self._let_faults_act(at_ns)
            positions = [drive.state(at_ns)[0] for drive in self._drives]
        step = self.model.encoder_um
        return tuple(round(p / step) * step if step > 0 else p for p in positions)

    def position_um(self, at_ns: int) -> tuple[float, ...]:
        """Where the load really is; instants must not go backward."""
        with self._lock:
            self._let_faults_act(at_ns)
            return tuple(load.position_um(at_ns) for load in self._loads)

    def busy(self, at_ns: int) -> bool:
        """Whether any axis is still on its way."""
        with self._lock:
            return any(at_ns < drive.rest_ns for drive in self._drives)


class _Load:
    """What the drive carries: follows through backlash, rings, drifts.

    Finer steps than those of `drivers.stage`: the truth that its model is measured against.
    """

    def __init__(self, drive: Axis, model: StageModel, drift_um_s: float, faults: Faults) -> None:
        self._drive, self._faults = drive, faults
        self._slipped_um = 0.0
        self._half_um = model.backlash_um / 2
        self._ringing = Ringing(model, frequency_sigma=0.0)
        self._drift_um_s = drift_um_s
        self._start_ns: int | None = None
        self._at_ns = 0
        self._pushed_um, _ = drive.state(0)

    def position_um(self, at_ns: int) -> float:
        if self._start_ns is None:
            self._start_ns = at_ns
        while self._at_ns < at_ns:
            rest_ns = self._drive.rests_until_ns(self._at_ns)
            self._push(min(at_ns, max(rest_ns, self._at_ns + _STEP_NS)))
        drift = self._drift_um_s * (at_ns - self._start_ns) / NS_PER_S
        steps = self._drive.acceleration_steps(at_ns, self._ringing.memory_s)
        return self._pushed_um + self._ringing.ahead_um(steps) + drift

    def _push(self, to_ns: int) -> None:
        before_um, _ = self._drive.state(self._at_ns)
        self._at_ns = to_ns
        drive_um, _ = self._drive.state(to_ns)
        if self._faults.at(to_ns, "slips"):
            self._slipped_um += drive_um - before_um
        drive_um -= self._slipped_um
        low, high = drive_um - self._half_um, drive_um + self._half_um
        self._pushed_um = min(max(self._pushed_um, low), high)
