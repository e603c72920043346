"""A track: what is known of one object over time, for reading only."""

from typing import Protocol

from ...models.arrays import Floats
from ...models.predictors import Prediction


class Track(Protocol):
    """One object over time, as the tracker knows it after the last frame.

    The tracker alone writes it. Whoever wants to know an object again later keeps its ``id``.
    """

    @property
    def id(self) -> int:
        """Identity, unique within a session, from 1."""
        ...

    @property
    def parents(self) -> tuple[int, ...]:
        """Identity of the mother, if it is a daughter."""
        ...

    @property
    def seen_um(self) -> Floats | None:
        """Where it was measured in the last frame, (2,), None if it was not."""
        ...

    @property
    def misses(self) -> int:
        """Frames since the last measurement that should have shown it."""
        ...

    @property
    def occluder(self) -> int:
        """Identity of the track that occludes it: they share a measurement; 0 without."""
        ...

    @property
    def prediction(self) -> Prediction:
        """Where it was at the last frame, filtered: with that frame's measurement."""
        ...

    @property
    def sigma_um(self) -> float:
        """Standard deviation of that position along one axis."""
        ...

    @property
    def size_um(self) -> float:
        """Root of the area of the last measurement's box."""
        ...

    @property
    def brightness(self) -> float:
        """Integrated signal of the last measurement, 0 if unknown."""
        ...

    @property
    def score(self) -> float:
        """Confidence of the detector in the last measurement."""
        ...

    @property
    def appearance(self) -> tuple[float, float]:
        """Logarithms of its usual size and brightness, NaN for an unknown one."""
        ...

    @property
    def born_ns(self) -> int:
        """Instant of the first measurement; the mother's for the daughter in her place."""
        ...

    @property
    def recent_measurements(self) -> int:
        """Measurements undisturbed by others, since the last division; counted up to 50."""
        ...

    def watch(self, at_ns: int) -> None:
        """Announce that it is followed, and that its position at an instant is acted on."""
        ...

    def predict(self, at_ns: int) -> Prediction:
        """Say where it will be at an instant, at any horizon."""
        ...
