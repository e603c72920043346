"""Predictors by Kalman filters: one motion model, or several that interact."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from ..arrays import Floats, Indices
from .bank import Hypothesis, ObjectFilters
from .motion_models import ACCELERATION, BROWNIAN, TURNING, VELOCITY
from .slots import SlotPredictor


class FilterOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be known beforehand; everything else is found out while following.

    Attributes
    ----------
    speed_um_s : float, optional
        Typical speed of an object along an axis, the standard deviation of its velocity at the
        first measurement; needed only where several objects move by more than their own size in
        a frame.
    """

    speed_um_s: Annotated[float, Meta(gt=0, le=1e5, examples=[10.0])] | None = None


class FilterPredictor(SlotPredictor):
    """Base of these predictors: they differ by name and motion models.

    Steps may be irregular. Of two measurements at the same instant both are used.
    """

    Options = FilterOptions
    hypotheses: ClassVar[Sequence[Hypothesis]]

    def __init__(self, options: FilterOptions | None = None) -> None:
        super().__init__(self.hypotheses)
        speed_um_s = options.speed_um_s if options else None
        self._plane = ObjectFilters(self.hypotheses, 2, self._interval, speed_um_s)
        self._filters.append(self._plane)

    def begin(self, positions_um: Floats, variances_um2: Floats) -> Indices:
        """Take in new objects at (K, 3), z a guess, with variances (K,) of x and of y."""
        slots = self._occupy(positions_um)
        self._plane.begin(slots, positions_um[:, :2], variances_um2)
        return slots

    def take_over(self, slots: Indices, other: "FilterPredictor") -> None:
        """Move objects here from a predictor whose hypotheses are the last here.

        They keep their slots, which are taken there until they end there too.
        """
        self._take(slots, other._guesses_um[slots])
        self._plane.take_over(slots, other._plane)
        self._z.take_over(slots, other._z)

    def update(self, slots: Indices, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in positions, (K, 2), measured at the instant of the last `advance`."""
        self._check(slots)
        self._plane.update(slots, positions_um, variances_um2)

    def noise_scales(self, slots: Indices) -> Floats:
        """Estimated over stated variances of the measurements of x and y, (K,)."""
        return self._plane.noise_scales(slots)

    def _predict_plane(self, slots: Indices, at_ns: int) -> tuple[Floats, Floats]:
        return self._plane.predict(slots, self._step_s(at_ns))


class Brownian(FilterPredictor):
    """Free diffusion: the object is where it was, the less surely the longer ago."""

    name = "brownian"
    hypotheses = BROWNIAN


class Kalman(FilterPredictor):
    """Nearly constant velocity: the Kalman filter of the textbooks."""

    name = "kalman"
    hypotheses = VELOCITY


class Acceleration(FilterPredictor):
    """Nearly constant acceleration, for what oscillates."""

    name = "acceleration"
    hypotheses = ACCELERATION


class Imm(FilterPredictor):
    """Interacting multiple models: the object rests, moves steadily, turns or starts off.

    Nearly constant velocity is among them, or a steady motion might be taken for noise about a
    place of rest.
    """

    name = "imm"
    hypotheses = (*VELOCITY, *TURNING)
