"""Learned predictors: a network reads each object's measurements and says where it will be."""

from __future__ import annotations

import msgspec
import numpy as np

from ... import weights
from ...arrays import Floats
from ..bank import NS_PER_S, VAST_UM2, Filtered, Pace, Slots, believable
from ..motions import BROWNIAN, VELOCITY
from ..predictor import Forecast
from .network import RecurrentNetwork

_LONGEST_FRAMES = 1e4
_ARRAYS = ("_taken", "_focused", "_rows", "_seen_um", "_seen_ns", "_guesses_um")
"""What is kept of objects, a row for each slot."""


class RecurrentOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which network.

    Other Parameters
    ----------------
    model : str
        Name of shipped weights, or an ONNX file that `pursuit train predictor` wrote.
    """

    model: str = "lstm"


class Recurrent:
    """A trained network for x and y; z by a Kalman filter of its own.

    The network knows no units: it is told the steps of an object over their own running size,
    and time in frame intervals. What it remembers of an object is a row of numbers, which a
    measurement changes and a frame without one does not, so that measurements may be irregular and
    missing. Shipped weights were trained to look 24 frames ahead; beyond 32 the spread grows in
    proportion to the time.
    """

    Options = RecurrentOptions

    def __init__(self, options: RecurrentOptions | None = None) -> None:
        path = weights.find((options or RecurrentOptions()).model)
        self.name = path.stem
        self._network = RecurrentNetwork(path)
        self._pace = Pace()
        self._depth = Filtered([*BROWNIAN, *VELOCITY], 1, self._pace)
        self._at_ns: int | None = None
        self._taken = self._focused = np.zeros(0, np.bool_)
        self._rows = np.zeros((0, self._network.width), np.float32)
        self._seen_um, self._guesses_um = np.zeros((0, 2)), np.zeros(0)
        self._seen_ns = np.zeros(0, np.int64)

    def advance(self, at_ns: int) -> None:
        """Take all objects to an instant; one before the last is taken for the last."""
        step_s = 0.0 if self._at_ns is None else (at_ns - self._at_ns) / NS_PER_S
        self._at_ns = at_ns if self._at_ns is None else max(at_ns, self._at_ns)
        if step_s > 0:
            if self._pace.step(step_s):
                self._depth.restart()
            self._depth.advance(step_s)

    def begin(self, positions_um: Floats, variances_um2: Floats) -> Slots:
        """Take in new objects at (K, 3), z a guess, with variances (K,) of x and of y."""
        variances = believable(positions_um, variances_um2)
        free = np.flatnonzero(~self._taken)
        if len(free) < len(positions_um):
            self._make_room(len(self._taken) + len(positions_um))
            free = np.flatnonzero(~self._taken)
        slots = free[: len(positions_um)]
        self._taken[slots] = True
        self._rows[slots] = 0.0
        self._guesses_um[slots] = positions_um[:, 2]
        self._seen_um[slots] = positions_um[:, :2]
        self._see(slots, positions_um[:, :2], variances)
        return slots

    def update(self, slots: Slots, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in positions, (K, 2), measured at the instant of the last `advance`."""
        self._check(slots)
        if len(slots):
            self._see(slots, positions_um, believable(positions_um, variances_um2))

    def focus(self, slots: Slots, z_um: Floats, variances_um2: Floats) -> None:
        """Take in focal positions, (K,), measured at the instant of the last `advance`."""
        self._check(slots)
        known = self._focused[slots]
        self._depth.update(slots[known], z_um[known, None], variances_um2[known])
        self._depth.begin(slots[~known], z_um[~known, None], variances_um2[~known])
        self._focused[slots] = True

    def end(self, slots: Slots) -> None:
        """Forget objects."""
        self._check(slots)
        self._depth.end(slots)
        self._taken[slots] = self._focused[slots] = False

    def predict(self, slots: Slots, at_ns: int) -> Forecast:
        """Say where objects are at an instant, at any horizon; changes nothing."""
        self._check(slots)
        now_ns = self._at_ns or 0
        means_um, covs_um2 = np.empty((len(slots), 3)), np.zeros((len(slots), 3, 3))
        if len(slots):
            frames = self._frames(slots, max(at_ns, now_ns))
            outlook = self._network.expect(self._rows[slots], frames[:, None])
            means_um[:, :2] = self._seen_um[slots] + outlook[:, :2]
            covs_um2[:, :2, :2] = outlook[:, [[2, 3], [3, 4]]]
        means_um[:, 2] = self._guesses_um[slots]
        covs_um2[:, 2, 2] = VAST_UM2
        known = self._focused[slots]
        if known.any():
            ahead_s = max(at_ns - now_ns, 0) / NS_PER_S
            means_um[known, 2:], covs_um2[known, 2:, 2:] = self._depth.predict(
                slots[known], ahead_s
            )
        return Forecast(at_ns, means_um, covs_um2, self.name)

    def _see(self, slots: Slots, positions_um: Floats, variances_um2: Floats) -> None:
        measurements = np.empty((len(slots), 4), np.float32)
        measurements[:, :2] = positions_um - self._seen_um[slots]
        measurements[:, 2] = self._frames(slots, self._at_ns or 0)
        measurements[:, 3] = variances_um2
        self._rows[slots] = self._network.see(self._rows[slots], measurements)
        self._seen_um[slots] = positions_um
        self._seen_ns[slots] = self._at_ns or 0

    def _frames(self, slots: Slots, at_ns: int) -> np.ndarray:
        """Frame intervals from the last measurements until an instant, (K,) float32."""
        elapsed_s = (at_ns - self._seen_ns[slots]) / NS_PER_S
        frames = np.minimum(elapsed_s / self._pace.interval_s, _LONGEST_FRAMES)
        return frames.astype(np.float32)

    def _check(self, slots: Slots) -> None:
        known = (slots >= 0) & (slots < len(self._taken))
        if not (known.all() and self._taken[slots].all()):
            raise ValueError("a slot was asked for that belongs to no object")

    def _make_room(self, more: int) -> None:
        """Make room for so many more objects."""
        for name in _ARRAYS:
            old = getattr(self, name)
            setattr(
                self,
                name,
                np.concatenate([old, np.zeros((more, *old.shape[1:]), old.dtype)]),
            )
