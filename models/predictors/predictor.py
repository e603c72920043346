"""What a predictor is asked and what it answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from ..arrays import Floats, Indices


class Prediction(NamedTuple):
    """Predicted position of an object at an instant, in stage coordinates.

    Attributes
    ----------
    at_ns : int
        The instant, on the clock of the frames.
    mean_um : (3,) float64
        x, y and z in µm.
    cov_um2 : (3, 3) float64
        Covariance of that position in µm².
    source : str
        Name of the predictor.
    """

    at_ns: int
    mean_um: Floats
    cov_um2: Floats
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Predicted positions of K objects at one instant, as in `Prediction`.

    Attributes
    ----------
    means_um : (K, 3) float64
    covs_um2 : (K, 3, 3) float64
    """

    at_ns: int
    means_um: Floats
    covs_um2: Floats
    source: str

    def __getitem__(self, row: int) -> Prediction:
        """One of them."""
        return Prediction(self.at_ns, self.means_um[row], self.covs_um2[row], self.source)

    def __iter__(self) -> Iterator[Prediction]:
        """All of them."""
        for mean_um, cov_um2 in zip(self.means_um, self.covs_um2, strict=True):
            yield Prediction(self.at_ns, mean_um, cov_um2, self.source)


class Predictor(Protocol):
    """The motion of any number of objects, all taken to the same instant together.

    An object is known by its slot, a number that `begin` returns and that stays the same
    until `end`. In a frame: `advance` to its exposure, `update` what was measured, `begin` what
    is new, `end` what is gone, `watch` what is followed; then `predict`, as often as wanted.
    """

    name: str

    def advance(self, at_ns: int) -> None:
        """Take all objects to an instant; one before the last is taken for the last."""
        ...

    def begin(self, positions_um: Floats, variances_um2: Floats) -> Indices:
        """Take in new objects, first seen at the instant of the last `advance`.

        They are at positions (K, 3), of which z is a guess and counts as not measured; (K,) are
        the stated variances of x and of y. Returns their slots, (K,) intp.
        """
        ...

    def update(self, slots: Indices, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in positions, (K, 2), measured at the instant of the last `advance`."""
        ...

    def focus(self, slots: Indices, z_um: Floats, variances_um2: Floats) -> None:
        """Take in focal positions, (K,), measured at the instant of the last `advance`."""
        ...

    def end(self, slots: Indices) -> None:
        """Forget objects."""
        ...

    def watch(self, slots: Indices, at_ns: int) -> None:
        """Announce that objects are followed and where they are at an instant is acted on.

        A predictor may take more care of them from now on, and learn from how well it predicts
        that instant when it comes. It predicts objects that are not watched as well.
        """
        ...

    def predict(self, slots: Indices, at_ns: int) -> Forecast:
        """Say where objects are at an instant, at any horizon.

        Whether and how often it is asked changes no later answer. An instant before the last
        `advance` is taken for it. There may be no slots. The variance of z is vast until `focus`
        has told something of it. The arrays must not be written to.
        """
        ...


@runtime_checkable
class EstimatesNoise(Protocol):
    """A predictor that finds out how much measurements vary."""

    def noise_scales(self, slots: Indices) -> Floats:
        """Estimated over stated variances of the measurements of x and y, (K,)."""
        ...
