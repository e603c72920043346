"""Registration: where the own images of followed objects are found again, as measurements."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...drivers.messages import Frame
from ...models.arrays import Floats
from .field_geometry import FieldGeometry
from .own_image import OwnImage
from .track import Track

_LEAST_SIGMA, _MOST_SIGMA = 0.2, 0.5
"""Least and greatest standard deviation, in sizes, with which an object is looked for around where
it is predicted. Chosen: objects turn more sharply than they ever did; farther than three halves
of its size is another."""
_MEMORY = 20.0
"""Time constant, in frames, with which errors and correlations are learned. Chosen: as long as a
short time lapse."""
_FIRST_ERROR = 0.05
"""Errors of a registration and of a detection, in sizes, until they are known. Chosen alike, so that
neither is preferred."""
_LEAST_ERROR = 0.002
"""Least error, in sizes."""
_FIRST_Z, _FIRST_Z_SPREAD = 1.1, 0.35
"""Fisher's z of the correlation of an object with its own image, and its spread, until they are
known: a correlation of 0.8, and 0.4 at two standard deviations less. Chosen."""
_LEAST_Z_SPREAD = 0.15
_TOO_FEW = 2.0
"""Standard deviations below its usual z from which an image is not that of the object."""
_LEAST_CORRELATION = 0.3
"""Below which nothing is found. Chosen: what noise reaches somewhere among 20 places with 40
independent pixels."""
_SHARE, _SHARE_UNCONFIRMED = 0.3, 0.1
"""Of the newest in the own image, where it was detected and where not. Chosen on movies made of
stills: 0.2 as good, 1 drifts off, 0.1 lags behind turns."""
_AGREE = 0.3
"""Distance, in sizes, up to which a detection confirms a registration."""
_OTHER_SIZE = 1.5
"""Factor between sizes from which the own image is taken anew."""


@dataclass(slots=True, eq=False)
class Registered:
    """Where the own image of an object was found in a frame.

    Attributes
    ----------
    position_um : (2,)
    variance_um2 : float
        Along one axis.
    detected_variance_um2 : float
        Of a detection that nothing disturbs.
    usual_size_um : float
    detected_um : (2,), optional
        Where it was detected beside that, once that is known.
    """

    position_um: Floats
    variance_um2: float
    detected_variance_um2: float
    usual_size_um: float
    detected_um: Floats | None = None

    def sharpen(self, mean_um: Floats, cov_um2: Floats) -> tuple[Floats, Floats]:
        """Prediction, (2,) and (2, 2), with this for a measurement: the Kalman filter's update."""
        gain = cov_um2 @ np.linalg.inv(cov_um2 + self.variance_um2 * np.eye(2))
        return mean_um + gain @ (self.position_um - mean_um), cov_um2 - gain @ cov_um2

    def fuse(self, detected_um: Floats, size_um: float, disturbance: float) -> tuple[Floats, float]:
        """Mean of both, weighed by their variances, and its variance over that of a detection.

        A box that is larger or smaller than usual has its middle elsewhere by up to half of the
        difference. ``disturbance`` is by how much larger its variance is because of others.
        """
        self.detected_um = detected_um
        off_um2 = (size_um - self.usual_size_um) ** 2 / 4
        variance_um2 = disturbance * self.detected_variance_um2 + off_um2
        share = self.variance_um2 / (self.variance_um2 + variance_um2)
        fused_um = share * detected_um + (1 - share) * self.position_um
        return fused_um, share * variance_um2 / self.detected_variance_um2

    @property
    def alone(self) -> float:
        """Its variance over that of a detection."""
        return self.variance_um2 / self.detected_variance_um2


class _Known:
    """What is known of one object's own image."""

    def __init__(self, image: OwnImage, size_um: float) -> None:
        self.image = image
        self.z, self.z_spread2 = _FIRST_Z, _FIRST_Z_SPREAD**2
        first = (_FIRST_ERROR * size_um) ** 2
        self.squares_um2 = np.array([2 * first, 2 * first, 2 * first])
        self.least_um2 = (_LEAST_ERROR * size_um) ** 2
        self.predicted_um: Floats = np.zeros(2)
        self.found: Registered | None = None
        self.found_z = 0.0

    def variances_um2(self) -> tuple[float, float]:
        """Of a detection and of a registration along one axis.

        From the mean squares of the differences of detection, registration and prediction, whose
        errors are independent (the three-cornered hat of Gray and Allan, Proc. 28th Frequency
        Control Symposium, 1974, 243).
        """
        both, detected, registered = self.squares_um2.tolist()
        of_detection = max((both + detected - registered) / 2, self.least_um2)
        of_registration = max((both + registered - detected) / 2, self.least_um2)
        return of_detection, of_registration

    def learn(self, agrees: bool) -> None:
        """Learn from this frame how large the errors are, and what a correlation is usual."""
        found = self.found
        if found is None or found.detected_um is None:
            return
        pairs = (
            found.detected_um - found.position_um,
            found.detected_um - self.predicted_um,
            found.position_um - self.predicted_um,
        )
        now = np.array([float(pair @ pair) / 2 for pair in pairs])
        most = 9 * self.squares_um2
        self.squares_um2 += (np.minimum(now, most) - self.squares_um2) / _MEMORY
        if agrees:
            away = self.found_z - self.z
            self.z += away / _MEMORY
            self.z_spread2 += (away * away - self.z_spread2) / _MEMORY

    @property
    def least_correlation(self) -> float:
        """Below which what is found is not the object."""
        spread = max(math.sqrt(self.z_spread2), _LEAST_Z_SPREAD)
        return max(math.tanh(self.z - _TOO_FEW * spread), _LEAST_CORRELATION)


class Registration:
    """Finds followed objects again by their own images, between detections and beside them."""

    def __init__(self, geometry: FieldGeometry) -> None:
        self._geometry = geometry
        self._known: dict[int, _Known] = {}

    def find(self, followed: Iterable[Track], frame: Frame) -> dict[int, Registered]:
        """Where objects are found in a frame, by identity; those that are not are left out."""
        found = {}
        for track in followed:
            known = self._known.get(track.id)
            if known is None:
                continue
            known.found = self._find(known, track, frame)
            if known.found is not None:
                found[track.id] = known.found
        return found

    def learn(self, followed: Iterable[Track], frame: Frame) -> None:
        """Learn how objects look in a frame in which they were seen; forget all others."""
        kept: dict[int, _Known] = {}
        for track in followed:
            if track.id in self._known or track.seen_um is not None:
                kept[track.id] = self._learn(track, frame)
        self._known = kept

    def _find(self, known: _Known, track: Track, frame: Frame) -> Registered | None:
        size_um = known.image.size_px * self._geometry.pixel_um
        prediction = track.predict(frame.exposed_ns)
        spread_um = float(np.sqrt(prediction.cov_um2[:2, :2].trace() / 2))
        sigma_um = min(max(spread_um, _LEAST_SIGMA * size_um), _MOST_SIGMA * size_um)
        known.predicted_um = prediction.mean_um[:2]
        at_px = np.array(self._geometry.pixel_of(known.predicted_um, frame))
        place = known.image.find(frame.image, at_px, sigma_um / self._geometry.pixel_um)
        if place is None or place[1] < known.least_correlation:
            return None
        known.found_z = math.atanh(min(place[1], 0.999))
        detected_um2, registered_um2 = known.variances_um2()
        position_um = self._geometry.position_of(place[0], frame)
        return Registered(position_um, registered_um2, detected_um2, track.usual_size_um)

    def _learn(self, track: Track, frame: Frame) -> _Known:
        size_px = track.usual_size_um / self._geometry.pixel_um
        at_px = np.array(self._geometry.pixel_of(track.prediction.mean_um[:2], frame))
        known = self._known.get(track.id)
        if known is None or not 1 / _OTHER_SIZE < size_px / known.image.size_px < _OTHER_SIZE:
            return _Known(OwnImage(frame.image, at_px, size_px), track.usual_size_um)
        found = known.found
        detected = found is not None and found.detected_um is not None
        agrees = detected and _distance_um(found) < _AGREE * track.usual_size_um
        known.learn(agrees)
        if track.seen_um is not None:
            known.image.learn(frame.image, at_px, _SHARE if agrees else _SHARE_UNCONFIRMED)
        known.found = None
        return known


def _distance_um(found: Registered | None) -> float:
    if found is None or found.detected_um is None:
        return math.inf
    return float(np.hypot(*(found.detected_um - found.position_um)))
