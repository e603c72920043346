"""One object over time."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..models.predictors import Prediction, Predictor

PAST = 50
"""Sightings whose looks are remembered."""


@dataclass(eq=False, slots=True)
class Track:
    """One object over time.

    Attributes
    ----------
    predictor, slot : Predictor, int
        Who knows its motion, and under which number.
    prediction : Prediction
        Where it is believed to be at the last frame, that frame's sighting included.
    id : int
        Unique within a session; 0 until the track is confirmed.
    hits, misses : int
        Sightings in all; frames since the last one in which it was missed.
    seen_um : (2,) or None
        Where it was sighted in the last frame.
    size_um, brightness, score, kind : float, float, float, int
        Of the last sighting; ``kind`` is the index of its class.
    looks : (2,)
        Logarithms of its usual size and brightness.
    past : deque of (2,)
        Logarithms of size and brightness in the last sightings.
    born_ns, seen_ns : int
        Instants of the first and of the last sighting.
    merged_with : int
        Identity of the track in whose sightings it hides at present; 0 if it does not.
    parents : tuple of int
        Identity of the mother, if it is a daughter.
    """

    predictor: Predictor = field(repr=False)
    slot: int
    prediction: Prediction
    id: int = 0
    hits: int = 0
    misses: int = 0
    seen_um: NDArray[np.float64] | None = field(default=None, repr=False)
    size_um: float = 0.0
    brightness: float = 0.0
    score: float = 0.0
    kind: int = 0
    looks: tuple[float, float] = (math.nan, math.nan)
    past: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=PAST), repr=False)
    born_ns: int = 0
    seen_ns: int = 0
    merged_with: int = 0
    parents: tuple[int, ...] = ()

    @property
    def confirmed(self) -> bool:
        """Whether there is enough evidence that the object exists."""
        return self.id > 0

    @property
    def sigma_um(self) -> float:
        """Standard deviation of its position along one axis."""
        return float(np.sqrt(self.prediction.cov_um2[:2, :2].trace() / 2))

    def predict(self, at_ns: int) -> Prediction:
        """Say where it will be at an instant, at any horizon."""
        return self.predictor.predict(np.array([self.slot]), at_ns)[0]
