"""A specimen under a stage, a focus drive and a camera: what an exposure would show."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...drivers.clock import NS_PER_MS
from ...drivers.messages import Image
from ..imaging import Optics, Sensor
from ..movie import Movie
from ..specimen import Specimen
from .faults import Faults
from .scenario import Scenario
from .stage import SimStage

_HALF = 4
"""Samples of the stage in each half of an exposure. Chosen: 1 ms apart in common exposures, well
below a period of ringing."""

Truth = tuple[float, float, float]
"""Offset of the target's light from field centre and focal plane, in µm.

The target is where it is at mid-exposure, the field where it is in the mean over the exposure.
"""


class Scene(Protocol):
    """What lies under the objective."""

    @property
    def objects_um(self) -> NDArray[np.float64]:
        """Offsets (N, 3) of all objects in the last exposure, see `Truth`."""
        ...

    def expose(
        self, start_ns: int, exposure_ms: float, where: Where, light: float = 1.0
    ) -> tuple[Image, Truth | None]:
        """Collect a share of all light from a time since the first exposure; in order of time."""
        ...


class Where(Protocol):
    """Where the field's centre and the focal plane are."""

    def __call__(self, age_ns: int) -> NDArray[np.float64]:
        """Return x, y, z in stage µm at a time since the first exposure."""
        ...


class World:
    """Everything that a simulated microscope has beyond its interface.

    Life in it begins with the first exposure: only then do objects start to move.

    Parameters
    ----------
    scenario : Scenario
    seed : int
        Of every random thing in it.
    movie : Movie, optional
        A recorded movie in place of the scenario's specimen.
    start_um : (x, y)
        Where the stage stands at first.

    Attributes
    ----------
    dtype : {"uint8", "uint16"}
        Type of the images.
    faults : Faults
        What goes wrong with stage and camera.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        movie: Movie | None = None,
        start_um: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.faults = Faults(scenario.faults)
        streams = np.random.default_rng(seed).spawn(4)
        self.scenario = scenario
        self.xy = SimStage(scenario.stage, start_um, streams[0], self.faults)
        self.focus = SimStage(scenario.focus, (0.0,), streams[1])
        self._scene: Scene
        if movie is not None:
            self._scene = MovieScene(scenario, movie)
            self.dtype = movie.dtype.name
        else:
            self._scene = RenderedScene(scenario, streams[2], streams[3])
            self.dtype = "uint8" if scenario.sensor.bits <= 8 else "uint16"

    def expose(
        self, start_ns: int, exposure_ms: float, light: float = 1.0
    ) -> tuple[Image, Truth | None]:
        """Take a picture with a share of the full light, and tell where the target truly was."""
        if self.faults.birth_ns is None:
            self.faults.birth_ns = start_ns
        age_ns = start_ns - self.faults.birth_ns
        image, truth_um = self._scene.expose(age_ns, exposure_ms, self._where, light)
        return self.faults.picture(image, start_ns), truth_um

    @property
    def objects_um(self) -> NDArray[np.float64]:
        """Where all objects were in the last exposure, (N, 3) in µm.

        From the field's centre and the focal plane, as the truth of an exposure, which is row 0.
        A row stays with its object; those that are born are appended. None, (0, 3), before the
        first exposure and of a movie.
        """
        return self._scene.objects_um

    def _where(self, age_ns: int) -> NDArray[np.float64]:
        assert self.faults.birth_ns is not None
        at_ns = age_ns + self.faults.birth_ns
        return np.array((*self.xy.position_um(at_ns), *self.focus.position_um(at_ns)))


class RenderedScene:
    """Objects that move by a model, drawn through optics and sensor."""

    def __init__(
        self, scenario: Scenario, motion: np.random.Generator, noise: np.random.Generator
    ) -> None:
        if scenario.specimen is None:
            raise ValueError("this scenario has no specimen: give a movie")
        self._specimen = Specimen(scenario.specimen, motion)
        a, b, c, d = scenario.affine
        orientation = scenario.optics.pixel_um * np.linalg.inv([[a, b], [c, d]])
        self._optics = Optics(scenario.optics, orientation)
        self._sensor = Sensor(scenario.sensor, noise)
        shape = (scenario.sensor.height_px, scenario.sensor.width_px)
        self._electrons = np.empty(shape, np.float32)
        self.objects_um = np.empty((0, 3))

    def expose(
        self, start_ns: int, exposure_ms: float, where: Where, light: float = 1.0
    ) -> tuple[Image, Truth]:
        """Integrate the light while objects and stage both move."""
        half_ns = round(exposure_ms * NS_PER_MS / 2)
        path_um = np.array([where(start_ns + half_ns * i // _HALF) for i in range(2 * _HALF + 1)])
        mean_um = (path_um[:-1] + path_um[1:]).mean(axis=0) / 2
        beginning = self._specimen.advance(start_ns)
        middle = self._specimen.advance(start_ns + half_ns)
        self.objects_um = self._specimen.centres_um - mean_um
        end = self._specimen.advance(start_ns + 2 * half_ns)
        relative = self._between(np.stack([beginning, middle, end]), path_um)
        lit = self._optics.render(relative, self._specimen, exposure_ms, self._electrons)
        if light != 1:
            self._electrons *= light
        self._specimen.expose(exposure_ms)
        x, y, z = self.objects_um[0]
        return self._sensor.read(self._electrons, lit=lit), (float(x), float(y), float(z))

    def _between(
        self, objects_um: NDArray[np.float64], path_um: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the offsets of all objects from the field's centre in parts of an exposure.

        Objects go straight from its beginning (0) to its middle (1) and its end (2); the stage,
        which starts, stops and rings, is followed more finely and averaged over each part.
        """
        steps_um = np.diff(objects_um[..., :2] - path_um[::_HALF, None, :2], axis=0)
        travel_um = np.hypot(steps_um[..., 0], steps_um[..., 1]).sum(axis=0).max()
        m = self._optics.subsamples(self._specimen, float(travel_um))
        at = (np.arange(m) + 0.5) * (2 / m)
        there_um = _along(objects_um.reshape(3, -1), at).reshape(m, *objects_um.shape[1:])
        fine = max(math.ceil(4 * _HALF / m), 1)
        each = (np.arange(m * fine) + 0.5) * (2 * _HALF / (m * fine))
        stage_um = _along(path_um, each).reshape(m, fine, 3).mean(axis=1)
        return there_um - stage_um[:, None]


def _along(corners: NDArray[np.float64], at: NDArray[Any]) -> NDArray[np.float64]:
    """Interpolate between rows that lie at 0, 1, 2, and so on."""
    return np.maximum(1 - np.abs(at[:, None] - np.arange(len(corners))), 0.0) @ corners


class MovieScene:
    """A recorded movie with the field moving across it; noise and blur are in it already."""

    def __init__(self, scenario: Scenario, movie: Movie) -> None:
        self._movie = movie
        self._shape = (scenario.sensor.height_px, scenario.sensor.width_px)
        self.objects_um = np.empty((0, 3))

    def expose(
        self, start_ns: int, exposure_ms: float, where: Where, light: float = 1.0
    ) -> tuple[Image, None]:
        """Cut the field out of the frame that is due at the middle of the exposure."""
        middle_ns = start_ns + round(exposure_ms * NS_PER_MS / 2)
        x, y, z = where(middle_ns)
        eight_bit = self._movie.dtype == np.uint8
        out = np.empty(self._shape, np.uint8) if eight_bit else np.empty(self._shape, np.uint16)
        height, width = self._shape
        self._movie.field(middle_ns, (x, y), width, height, out, defocus_um=z)
        if light != 1:
            np.multiply(out, light, out=out, casting="unsafe")
        return out, None
