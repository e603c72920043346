"""Learned predictors: a network reads each object's measurements and predicts its position."""

import msgspec
import numpy as np

from ... import weights
from ...arrays import Floats, Indices
from ..bank import NS_PER_S, bounded_variances
from ..motion_models import BROWNIAN, VELOCITY
from ..slots import SlotPredictor
from .network import RecurrentNetwork

_LONGEST_FRAMES = 1e4
"""Times longer than so many frame intervals count as this long. Chosen: nobody knows where an
object is by then, and single precision still tells them apart."""


class RecurrentOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which network.

    Other Parameters
    ----------------
    model : str
        Name of shipped weights, or an ONNX file that `pursuit train predictor` wrote.
    """

    model: str = "lstm"


class Recurrent(SlotPredictor):
    """A trained network for x and y; z by Kalman filters.

    The network knows no units: it is told the steps of an object over their own running size,
    and time in frame intervals. What it remembers of an object is a row of numbers, which a
    measurement changes and a frame without one does not, so that measurements may be irregular and
    missing. Shipped weights were trained to look 24 frames ahead; beyond 32 the standard
    deviation grows in proportion to the time.
    """

    Options = RecurrentOptions

    def __init__(self, options: RecurrentOptions | None = None) -> None:
        super().__init__([*BROWNIAN, *VELOCITY])
        path = weights.find((options or RecurrentOptions()).model, "motion")
        self.name = path.stem
        self._network = RecurrentNetwork(path)
        self._rows = np.zeros((0, self._network.width), np.float32)
        self._seen_um, self._seen_ns = np.zeros((0, 2)), np.zeros(0, np.int64)

    def begin(self, positions_um: Floats, variances_um2: Floats) -> Indices:
        """Take in new objects at (K, 3), z a guess, with variances (K,) of x and of y."""
        variances = bounded_variances(positions_um, variances_um2)
        slots = self._occupy(positions_um)
        missing = len(self._taken) - len(self._rows)
        if missing:
            self._rows = np.pad(self._rows, ((0, missing), (0, 0)))
            self._seen_um = np.pad(self._seen_um, ((0, missing), (0, 0)))
            self._seen_ns = np.pad(self._seen_ns, (0, missing))
        self._rows[slots] = 0.0
        self._seen_um[slots] = positions_um[:, :2]
        self._measure(slots, positions_um[:, :2], variances)
        return slots

    def update(self, slots: Indices, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in positions, (K, 2), measured at the instant of the last `advance`."""
        self._check(slots)
        if len(slots):
            self._measure(slots, positions_um, bounded_variances(positions_um, variances_um2))

    def _measure(self, slots: Indices, positions_um: Floats, variances_um2: Floats) -> None:
        measurements = np.empty((len(slots), 4), np.float32)
        measurements[:, :2] = positions_um - self._seen_um[slots]
        measurements[:, 2] = self._frames(slots, self.now_ns)
        measurements[:, 3] = variances_um2
        self._rows[slots] = self._network.update(self._rows[slots], measurements)
        self._seen_um[slots] = positions_um
        self._seen_ns[slots] = self.now_ns

    def _predict_plane(self, slots: Indices, at_ns: int) -> tuple[Floats, Floats]:
        if not len(slots):
            return np.empty((0, 2)), np.empty((0, 2, 2))
        frames = self._frames(slots, max(at_ns, self.now_ns))
        moments = self._network.predict(self._rows[slots], frames[:, None])
        covs_um2 = moments[:, [[2, 3], [3, 4]]].astype(np.float64)
        return self._seen_um[slots] + moments[:, :2], covs_um2

    def _frames(self, slots: Indices, at_ns: int) -> np.ndarray:
        """Frame intervals from the last measurements until an instant, (K,) float32."""
        elapsed_s = (at_ns - self._seen_ns[slots]) / NS_PER_S
        frames = np.minimum(elapsed_s / self.interval_s, _LONGEST_FRAMES)
        return frames.astype(np.float32)
