"""The predictors that know nothing but laws of motion: one law, several, all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from msgspec import Meta

from ..arrays import Floats
from .bank import NS_PER_S, VAST_UM2, Filtered, Hypothesis, Mode, Pace, Slots
from .predictor import Forecast

BROWNIAN = [Hypothesis((Mode(1, 10.0 ** (k / 2)),)) for k in range(-4, 8)]
VELOCITY = [Hypothesis((Mode(2, 10.0 ** (k / 2)),)) for k in range(-10, 7)]
ACCELERATION = [Hypothesis((Mode(3, 10.0 ** (k / 2)),)) for k in range(-14, 5)]
SWINGING = [
    Hypothesis((Mode(2, strength, 0.2, 8 * 1.25**k),)) for k in range(12) for strength in (0.3, 30)
]
"""Swinging about a middle, or circling it, in 8 to 93 frames."""
JITTERY = [Hypothesis((Mode(2, 10.0**k, jitter),)) for k in range(-2, 2) for jitter in (1.0, 10.0)]
"""Diffusion about a path of nearly constant velocity."""
DARTING = [
    Hypothesis((Mode(1, 1e-3), Mode(2, quiet), Mode(2, 1e5 * quiet)), (dwell, dwell, 2.0))
    for dwell in (10.0, 40.0)
    for quiet in (1e-6, 1e-4, 1e-2)
]
"""At rest, gliding, darting off."""
TURNING = [
    Hypothesis(
        (Mode(1, 1e-3), Mode(2, quiet), Mode(2, 1e2 * quiet), Mode(2, 1e5 * quiet)),
        (dwell, dwell, dwell / 2, 1.0),
    )
    for dwell in (8.0, 40.0)
    for quiet in (1e-6, 1e-4, 1e-2)
]
"""At rest, gliding, turning, darting off."""


class LawOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be known beforehand; everything else is found out while following.

    Attributes
    ----------
    speed_um_s : float, optional
        Typical speed of an object along an axis, believed at first sight; needed only for
        objects that move by more than their own size in a frame.
    """

    speed_um_s: Annotated[float, Meta(gt=0, le=1e5, examples=[10.0])] | None = None


class LawPredictor:
    """Base of these predictors: x and y move alike, z by a law of its own.

    Steps may be irregular. Of two measurements at the same instant both are used.
    """

    Options = LawOptions
    name: ClassVar[str]
    hypotheses: ClassVar[Sequence[Hypothesis]]

    def __init__(self, options: LawOptions | None = None) -> None:
        speed_um_s = options.speed_um_s if options else None
        self._pace = Pace()
        self._plane = Filtered(self.hypotheses, 2, self._pace, speed_um_s)
        self._depth = Filtered(self.hypotheses, 1, self._pace)
        self._taken, self._guesses_um = np.zeros(0, np.bool_), np.zeros(0)
        self._latest_ns: int | None = None

    def advance(self, at_ns: int) -> None:
        """Take all objects to an instant; one before the last is taken for the last."""
        step_s = self._step_s(at_ns)
        self._latest_ns = at_ns if self._latest_ns is None else max(at_ns, self._latest_ns)
        if step_s == 0:
            return
        first = self._pace.step(step_s)
        for part in (self._plane, self._depth):
            if first:
                part.restart()
            part.advance(step_s)

    def begin(self, positions_um: Floats, variances_um2: Floats) -> Slots:
        """Take in new objects at (K, 3), z a guess, with variances (K,) of x and of y."""
        free = np.flatnonzero(~self._taken)
        more = np.arange(len(self._taken), len(self._taken) + len(positions_um) - len(free))
        slots = np.concatenate([free, more])[: len(positions_um)]
        self._plane.begin(slots, positions_um[:, :2], variances_um2)
        self._take(slots, positions_um[:, 2])
        return slots

    def adopt(self, slots: Slots, other: LawPredictor) -> None:
        """Take over objects from one whose hypotheses are the last here.

        They keep their slots, which nobody else is given there until they end there too.
        """
        self._take(slots, other._guesses_um[slots])
        self._plane.adopt(slots, other._plane)
        self._depth.adopt(slots, other._depth)

    def _take(self, slots: Slots, guesses_um: Floats) -> None:
        """Note whose slots these are, with guesses of z."""
        missing = max(int(slots.max(initial=-1)) + 1 - len(self._taken), 0)
        self._taken = np.pad(self._taken, (0, missing))
        self._guesses_um = np.pad(self._guesses_um, (0, missing))
        self._taken[slots], self._guesses_um[slots] = True, guesses_um

    def update(self, slots: Slots, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in positions, (K, 2), measured at the instant of the last `advance`."""
        self._plane.update(slots, positions_um, variances_um2)

    def focus(self, slots: Slots, z_um: Floats, variances_um2: Floats) -> None:
        """Take in focal positions, (K,), measured at the instant of the last `advance`."""
        known = self._depth.has(slots)
        self._depth.update(slots[known], z_um[known, None], variances_um2[known])
        self._depth.begin(slots[~known], z_um[~known, None], variances_um2[~known])

    def end(self, slots: Slots) -> None:
        """Forget objects."""
        self._taken[slots] = False
        self._plane.end(slots)
        self._depth.end(slots)

    def predict(self, slots: Slots, at_ns: int) -> Forecast:
        """Say where objects are at an instant, at any horizon; changes nothing."""
        step_s = self._step_s(at_ns)
        means_um, covs_um2 = np.empty((len(slots), 3)), np.zeros((len(slots), 3, 3))
        means_um[:, :2], covs_um2[:, :2, :2] = self._plane.predict(slots, step_s)
        means_um[:, 2], covs_um2[:, 2, 2] = self._guesses_um[slots], VAST_UM2
        if len(self._depth):
            known = self._depth.has(slots)
            means_um[known, 2:], covs_um2[known, 2:, 2:] = self._depth.predict(slots[known], step_s)
        return Forecast(at_ns, means_um, covs_um2, self.name)

    def noise_scales(self, slots: Slots) -> Floats:
        """Factors, (K,), by which the stated variances of x and y are believed to be wrong."""
        return self._plane.scales(slots)

    @property
    def now_ns(self) -> int:
        """Instant of the last `advance`; 0 before the first."""
        return self._latest_ns or 0

    @property
    def interval_s(self) -> float:
        """Frame interval, learned from the steps; 1 s until there was one."""
        return self._pace.interval_s

    def _step_s(self, at_ns: int) -> float:
        """Time from the last `advance` to an instant; 0 before the first."""
        elapsed_ns = 0 if self._latest_ns is None else max(at_ns - self._latest_ns, 0)
        return elapsed_ns / NS_PER_S


class Brownian(LawPredictor):
    """Free diffusion: it is where it was, the less surely the longer ago."""

    name = "brownian"
    hypotheses = BROWNIAN


class Kalman(LawPredictor):
    """Nearly constant velocity: the Kalman filter of every tracking book."""

    name = "kalman"
    hypotheses = VELOCITY


class Acceleration(LawPredictor):
    """Nearly constant acceleration, for what swings."""

    name = "acceleration"
    hypotheses = ACCELERATION


class Imm(LawPredictor):
    """Interacting multiple models: it rests, glides, turns or darts off, now this, now that.

    Or it never does, or a motion might be taken for noise about a place of rest.
    """

    name = "imm"
    hypotheses = (*VELOCITY, *TURNING)
