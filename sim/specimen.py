"""What lies under the objective: bodies that move, glow, bleach and divide."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec
import numpy as np

from ..drivers.clock import NS_PER_S
from .motion import Floats, Motion, NotNegative, Positive, Worm

CELL_PARTS = 9
WORM_PARTS = 28
WORM_ASPECT = 20.0
"""Length of a worm over the radius of its body."""
MOST_OBJECTS = 1000
"""Division stops here."""


class SpecimenSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to put under the objective.

    Attributes
    ----------
    motion : Motion
        How every object moves, independently of the others.
    count : int
        Number of objects. The first is the target and starts at the origin in focus.
    shape : {"spot", "cell", "worm"}
        A blurred dot; a flat-topped body with some texture; an undulating chain.
    radius_um, radius_spread : float
        Radius of a spot or cell, half the width of a worm; relative standard deviation.
    brightness, brightness_spread : float
        Photoelectrons per ms from a whole object in the camera; relative standard deviation.
    background : float
        Photoelectrons per ms in every pixel.
    area_um : float
        Edge of the square around the origin in which the other objects start.
    depth_um : float
        Standard deviation of the focal position at which the other objects start.
    min_separation_um : float
        Least distance between objects at the start.
    endless : bool
        Objects that stray from the target by more than half of ``area_um`` come in again on
        the other side, so that a crowd stays one. Meant for an area of two fields or more.
    bleach_per_s : float
        Rate at which fluorescence decays in light: it falls by a factor e in 1 / rate
        seconds of exposure.
    doubling_s : float
        Time in which division doubles the number of objects; 0: they do not divide.
    """

    motion: Motion
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_OBJECTS)] = 1
    shape: Literal["spot", "cell", "worm"] = "cell"
    radius_um: Positive = 6.0
    radius_spread: NotNegative = 0.0
    brightness: NotNegative = 4000.0
    brightness_spread: NotNegative = 0.0
    background: NotNegative = 2.0
    area_um: Positive = 300.0
    depth_um: NotNegative = 0.0
    min_separation_um: NotNegative = 0.0
    endless: bool = False
    bleach_per_s: NotNegative = 0.0
    doubling_s: NotNegative = 0.0

    def __post_init__(self) -> None:
        if self.shape == "worm" and not isinstance(self.motion, Worm):
            raise ValueError('a specimen of shape "worm" needs a motion of kind "worm"')


class Specimen:
    """Objects in stage coordinates, each the sum of Gaussian parts.

    The number of objects and what they look like change only in `expose`, so positions at
    several times within one exposure belong together.

    Attributes
    ----------
    settings : SpecimenSettings
        What it was made from.
    state : (N, S) float64
        States of the motion at the time of the last `advance`; row 0 is the target.
    parents : (N,) int
        Row from which an object divided off; -1 if it was there from the start.
    brightness : (N,) float64
        Photoelectrons per ms of whole objects, less what has bleached.
    widths_um : (N, K) float64
        Standard deviations of the parts of every object.
    weights : (N, K) float64
        Share of each part in the brightness; rows sum to 1.
    """

    def __init__(
        self, settings: SpecimenSettings, rng: np.random.Generator, start_ns: int = 0
    ) -> None:
        self.settings = settings
        self._rng = rng
        self._at_ns = start_ns
        self._undivided_s = 0.0
        n = settings.count
        self.state = settings.motion.start(_scatter(settings, rng), rng)
        self.parents = np.full(n, -1)
        self.brightness = settings.brightness * _spread(n, settings.brightness_spread, rng)
        self._radii_um = settings.radius_um * _spread(n, settings.radius_spread, rng)
        self._places, self._widths, self.weights = _bodies(settings.shape, n, rng)

    @property
    def positions_um(self) -> Floats:
        """Positions (N, 3) at the time of the last `advance`."""
        return self.state[:, :3]

    @property
    def widths_um(self) -> Floats:
        """Standard deviations (N, K) of the parts."""
        return self._widths * self._radii_um[:, None]

    @property
    def offsets_um(self) -> Floats:
        """Offsets (N, K, 2) of the parts from the position of their object."""
        offsets = self._places * self._radii_um[:, None, None]
        if isinstance(self.settings.motion, Worm) and self.settings.shape == "worm":
            return _bend(offsets[:, :, 0], self.state, self.settings.motion)
        return offsets

    def advance(self, t_ns: int) -> Floats:
        """Move everything on to a time and return the positions (N, 3).

        Raises
        ------
        ValueError
            If the time lies before that of the last call.
        """
        if t_ns < self._at_ns:
            raise ValueError("a specimen cannot go back in time: advance it in order of time")
        dt_s = (t_ns - self._at_ns) / NS_PER_S
        self.state = self.settings.motion.step(self.state, dt_s, self._rng)
        self._undivided_s += dt_s
        self._at_ns = t_ns
        return self.positions_um

    def expose(self, exposure_ms: float) -> None:
        """End an exposure: bleach by its light, divide what is due, bring strays back."""
        self.brightness = self.brightness * math.exp(
            -self.settings.bleach_per_s * exposure_ms / 1000
        )
        self._divide()
        if self.settings.endless:
            self._bring_back()

    def _divide(self) -> None:
        doubling_s, lived_s = self.settings.doubling_s, self._undivided_s
        self._undivided_s = 0.0
        if not doubling_s:
            return
        due = self._rng.random(len(self.state)) < 1 - 2 ** (-lived_s / doubling_s)
        mothers = np.flatnonzero(due)[: max(0, MOST_OBJECTS - len(due))]
        if len(mothers):
            self._split(mothers)

    def _split(self, mothers: np.ndarray) -> None:
        """Halve the mothers and append a daughter of the same volume beside each."""
        rng, shape = self._rng, self.settings.shape
        self._radii_um[mothers] *= 2 ** (-1 / 3)
        self.brightness[mothers] /= 2
        angle = rng.uniform(0.0, 2 * math.pi, len(mothers))
        apart_um = np.zeros((len(mothers), 3))
        apart_um[:, 0], apart_um[:, 1] = np.cos(angle), np.sin(angle)
        apart_um *= self._radii_um[mothers, None]
        middles_um = self.state[mothers, :3]
        self.state[mothers, :3] += apart_um
        daughters = self.settings.motion.start(middles_um - apart_um, rng)
        places, widths, weights = _bodies(shape, len(mothers), rng)
        self.state = np.concatenate([self.state, daughters])
        self.parents = np.concatenate([self.parents, mothers])
        self.brightness = np.concatenate([self.brightness, self.brightness[mothers]])
        self._radii_um = np.concatenate([self._radii_um, self._radii_um[mothers]])
        self._places = np.concatenate([self._places, places])
        self._widths = np.concatenate([self._widths, widths])
        self.weights = np.concatenate([self.weights, weights])

    def _bring_back(self) -> None:
        away_um = self.state[:, :2] - self.state[0, :2]
        edge_um = self.settings.area_um
        self.state[:, :2] -= edge_um * np.round(away_um / edge_um)


def _spread(count: int, relative: float, rng: np.random.Generator) -> Floats:
    """Log-normal factors of mean 1 and the given relative standard deviation."""
    sigma = math.sqrt(math.log1p(relative**2))
    return rng.lognormal(-(sigma**2) / 2, sigma, count)


def _scatter(settings: SpecimenSettings, rng: np.random.Generator) -> Floats:
    """Draw starting positions (N, 3), by throwing each until it is far enough from the others."""
    positions_um = np.zeros((settings.count, 3))
    half_um = settings.area_um / 2
    for i in range(1, settings.count):
        for _ in range(1000):
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


def _bodies(shape: str, count: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Places (N, K, 2), widths (N, K) and weights (N, K) of parts of bodies of radius 1.

    A uniform ball projects to a variance of 1/5 on each axis, which a spot has. A cell is a
    sunflower of overlapping parts. The weighted mean of the places is the origin.
    """
    if shape == "spot":
        return np.zeros((count, 1, 2)), np.full((count, 1), 5**-0.5), np.ones((count, 1))
    if shape == "worm":
        along = np.linspace(-WORM_ASPECT / 2, WORM_ASPECT / 2, WORM_PARTS)
        thick = np.sqrt(1.2 - (2 * along / WORM_ASPECT) ** 4)
        places = np.column_stack([along, np.zeros(WORM_PARTS)])
        weights = thick**2 / (thick**2).sum()
        return (
            np.tile(places, (count, 1, 1)),
            np.tile(0.55 * thick, (count, 1)),
            np.tile(weights, (count, 1)),
        )
    k = np.arange(CELL_PARTS)
    radius = 0.7 * np.sqrt((k + 0.5) / CELL_PARTS)
    angle = k * math.pi * (3 - math.sqrt(5)) + rng.uniform(0.0, 2 * math.pi, (count, 1))
    places = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    places += rng.normal(0.0, 0.05, places.shape)
    weights = rng.gamma(12.0, size=(count, CELL_PARTS))
    weights /= weights.sum(axis=1, keepdims=True)
    places -= (weights[..., None] * places).sum(axis=1, keepdims=True)
    return places, np.full((count, CELL_PARTS), 0.32), weights


def _bend(along_um: Floats, state: Floats, motion: Worm) -> Floats:
    """Lay parts at (N, K) along a body onto its wave (N, K, 2), as seen from its middle.

    The wave travels backward at the speed of the worm, so every part follows the same track.
    """
    heading, phase = state[:, 3:4], state[:, 4:5]
    wave_um = motion.speed_um_s * motion.period_s
    bent = np.sin(phase + 2 * math.pi * along_um / wave_um) - np.sin(phase)
    across_um = motion.sway_um * bent
    x_um = along_um * np.cos(heading) - across_um * np.sin(heading)
    y_um = along_um * np.sin(heading) + across_um * np.cos(heading)
    return np.stack([x_um, y_um], axis=-1)
