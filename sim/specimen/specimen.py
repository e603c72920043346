"""What lies under the objective: objects that move, fluoresce, bleach and divide."""

import math

import numpy as np

from ...drivers.clock import NS_PER_S
from ..motion import Floats, Worm
from .bodies import bend, bodies
from .division import Separations
from .encounters import Encounters
from .settings import MOST_OBJECTS, SpecimenSettings

_MOST_DRAWS = 1000
"""Draws of a starting position before it is said that the objects do not fit. Chosen: a free
thousandth of the area is then found in two of three cases."""


class Specimen:
    """Objects in stage coordinates, each the sum of Gaussian parts.

    The number and appearance of objects change only in `expose`, so positions at
    several times within one exposure belong together.

    Attributes
    ----------
    state : (N, S) float64
        States of the motion after the last `advance`; row 0 is the target.
    parents : (N,) int
        Row from which an object divided off; -1 if it was there from the start.
    weights : (N, K) float64
        Share of each part in the brightness; rows sum to 1.
    """

    def __init__(
        self, settings: SpecimenSettings, rng: np.random.Generator, start_ns: int = 0
    ) -> None:
        self.settings = settings
        self._rng = rng
        self._start_ns = self._at_ns = start_ns
        self._undivided_s = 0.0
        self._divisions_s = sorted(settings.divides_s)
        self._separations = Separations(settings.parting_s)
        self._encounters: Encounters | None = None
        self.state = settings.motion.start(_scatter(settings, rng), rng)
        if settings.meets_s:
            near_um, depth_um = settings.radius_um, settings.depth_um
            self._encounters = Encounters(
                settings.motion, self.state[:1], settings.meets_s, near_um, depth_um, rng
            )
            self.state = np.concatenate([self.state, self._encounters.states(0.0)[1:]])
        n, count = len(self.state), settings.count
        self.parents = np.full(n, -1)
        self._brightness = settings.brightness * _spread(n, settings.brightness_spread, rng)
        self._radii_um = settings.radius_um * _spread(n, settings.radius_spread, rng)
        self._brightness[count:], self._radii_um[count:] = self._brightness[0], self._radii_um[0]
        self._places, self._widths, self.weights = bodies(settings.shape, n, rng)

    @property
    def positions_um(self) -> Floats:
        """Positions (N, 3) at the time of the last `advance`."""
        return self.state[:, :3]

    @property
    def brightness(self) -> Floats:
        """Photoelectrons per ms (N,) of whole objects, without what is bleached or hidden."""
        age_s, spans_s = self._age_s, self.settings.hidden_s
        if not any(first_s <= age_s < last_s for first_s, last_s in spans_s):
            return self._brightness
        visible = self._brightness.copy()
        visible[0] = 0.0
        return visible

    @brightness.setter
    def brightness(self, values: Floats) -> None:
        self._brightness = values

    @property
    def widths_um(self) -> Floats:
        """Standard deviations (N, K) of the parts."""
        return self._widths * self._radii_um[:, None]

    @property
    def offsets_um(self) -> Floats:
        """Offsets (N, K, 2) of the parts from the position of their object."""
        offsets = self._places * self._radii_um[:, None, None]
        if isinstance(self.settings.motion, Worm) and self.settings.shape == "worm":
            return bend(offsets[:, :, 0], self.state, self.settings.motion)
        return offsets

    @property
    def centres_um(self) -> Floats:
        """Centres (N, 3) of the light of the objects; that of a worm is not its position."""
        if self.settings.shape != "worm":
            return self.positions_um
        centres_um = self.positions_um.copy()
        centres_um[:, :2] += (self.weights[..., None] * self.offsets_um).sum(axis=1)
        return centres_um

    def advance(self, t_ns: int) -> Floats:
        """Move all objects on to a time and return the positions (N, 3).

        ValueError if the time lies before that of the last call.
        """
        if t_ns < self._at_ns:
            raise ValueError("a specimen cannot go back in time: advance it in order of time")
        dt_s = (t_ns - self._at_ns) / NS_PER_S
        before_s = self._age_s
        self._at_ns = t_ns
        self.state = self._after(before_s, dt_s)
        self._separations.advance(self.state, before_s, self._age_s)
        self._undivided_s += dt_s
        return self.positions_um

    def expose(self, exposure_ms: float) -> None:
        """End an exposure: bleach by its light, divide what is due, wrap a crowd around."""
        bleached = math.exp(-self.settings.bleach_per_s * exposure_ms / 1000)
        self._brightness = self._brightness * bleached
        self._divide()
        if self.settings.endless:
            self._wrap_around()

    @property
    def _age_s(self) -> float:
        return (self._at_ns - self._start_ns) / NS_PER_S

    def _after(self, before_s: float, dt_s: float) -> Floats:
        step, rng, settings = self.settings.motion.step, self._rng, self.settings
        if self._encounters is None:
            return step(self.state, dt_s, rng)
        met = np.r_[0, settings.count : len(self.state)]
        after = np.empty_like(self.state)
        after[1 : settings.count] = step(self.state[1 : settings.count], dt_s, rng)
        after[met] = self._encounters.step(self.state[met], before_s, self._age_s, rng)
        return after

    def _divide(self) -> None:
        """Divide the target at its set times, and any object at random."""
        while self._divisions_s and self._divisions_s[0] <= self._age_s:
            self._divisions_s.pop(0)
            self._split(np.zeros(1, int))
        doubling_s, lived_s = self.settings.doubling_s, self._undivided_s
        self._undivided_s = 0.0
        if not doubling_s:
            return
        due = self._rng.random(len(self.state)) < 1 - 2 ** (-lived_s / doubling_s)
        mothers = np.flatnonzero(due)[: max(0, MOST_OBJECTS - len(due))]
        if len(mothers):
            self._split(mothers)

    def _split(self, mothers: np.ndarray) -> None:
        """Turn the mothers into their larger daughters and append the smaller ones."""
        rng, share, n = self._rng, self.settings.larger_share, len(mothers)
        pairs = np.column_stack([mothers, len(self.state) + np.arange(n)])
        sizes = np.cbrt([1.0, share, 1 - share])
        radii_um = self._radii_um[mothers, None] * sizes
        offsets_um = self._separations.begin(pairs, radii_um, share, self._age_s, rng)
        daughters = self.settings.motion.start(self.state[mothers, :3], rng)
        self.state[mothers, :2] += offsets_um[:, 0]
        daughters[:, :2] += offsets_um[:, 1]
        light = self._brightness[mothers]
        self._brightness[mothers] = light * share
        self._radii_um[mothers] = radii_um[:, 1]
        places, widths, weights = bodies(self.settings.shape, n, rng)
        self.state = np.concatenate([self.state, daughters])
        self.parents = np.concatenate([self.parents, mothers])
        self._brightness = np.concatenate([self._brightness, light * (1 - share)])
        self._radii_um = np.concatenate([self._radii_um, radii_um[:, 2]])
        self._places = np.concatenate([self._places, places])
        self._widths = np.concatenate([self._widths, widths])
        self.weights = np.concatenate([self.weights, weights])

    def _wrap_around(self) -> None:
        away_um = self.state[:, :2] - self.state[0, :2]
        edge_um = self.settings.area_um
        self.state[:, :2] -= edge_um * np.round(away_um / edge_um)


def _spread(count: int, relative: float, rng: np.random.Generator) -> Floats:
    """Log-normal factors of mean 1 and the given relative standard deviation."""
    sigma = math.sqrt(math.log1p(relative**2))
    return rng.lognormal(-(sigma**2) / 2, sigma, count)


def _scatter(settings: SpecimenSettings, rng: np.random.Generator) -> Floats:
    """Draw starting positions (N, 3), each until it is far enough from the others."""
    positions_um = np.zeros((settings.count, 3))
    half_um = settings.area_um / 2
    for i in range(1, settings.count):
        for _ in range(_MOST_DRAWS):
            positions_um[i, :2] = rng.uniform(-half_um, half_um, 2)
            gaps_um = np.hypot(*(positions_um[:i, :2] - positions_um[i, :2]).T)
            if gaps_um.min() >= settings.min_separation_um:
                break
        else:
            raise ValueError(
                f"{settings.count} objects {settings.min_separation_um:g} µm apart do not fit: "
                "raise area_um, or lower count or min_separation_um"
            )
    positions_um[1:, 2] = rng.normal(0.0, settings.depth_um, settings.count - 1)
    return positions_um
