"""Fields in which nothing is to be followed, and others with a target that can hardly be seen."""

from collections.abc import Callable

import numpy as np
from msgspec.structs import replace

from ....drivers.messages import Image
from ....models.arrays import Floats
from ....sim.stand import Scenario, World

Pattern = Callable[[int], Floats]
"""What the camera adds to its frame of some number, in grey values."""

EMPTY = ("empty", "noise", "waves", "dust", "hot pixels")
"""Without an object: a dark field, one with a hundred times as much light, and with a plane wave
as of Micro-Manager's demo camera, three specks of dust or five hot pixels on the sensor."""
WEAK = {"weak 2": 2.0, "weak 3": 3.0, "weak 5": 5.0}
"""With a swimming cell: its contrast over the noise of a resolution element, its own size. A human
sees what has five in a single picture (Rose, 1973), two to three in a movie."""
DUSTY = "dusty"
"""With a swimming cell of usual contrast, and dust."""
KINDS = (*EMPTY, *WEAK, DUSTY)

_DARK = 1e-6
"""Photoelectrons of an object that is not to be seen. Chosen: none arrives."""
_NOISY = 100.0
"""Factor on the background of a field of noise. Chosen: ten times the shot noise."""


class SpoiltWorld(World):
    """A simulated specimen under a camera that adds a pattern to its pictures."""

    def __init__(self, scenario: Scenario, kind: str, seed: int) -> None:
        super().__init__(_scenario(scenario, kind), seed)
        sensor = self.scenario.sensor
        shape = (sensor.height_px, sensor.width_px)
        self._pattern = _pattern(kind, shape, np.random.default_rng([seed, 1]))
        self._count = 0

    def expose(
        self, start_ns: int, exposure_ms: float, light: float = 1.0
    ) -> tuple[Image, tuple[float, float, float] | None]:
        """Take a picture and add the pattern."""
        image, truth = super().expose(start_ns, exposure_ms, light)
        grey = image + self._pattern(self._count)
        self._count += 1
        image[:] = np.clip(grey, 0, np.iinfo(image.dtype).max)
        return image, truth


def _scenario(scenario: Scenario, kind: str) -> Scenario:
    specimen = scenario.specimen
    assert specimen is not None
    if kind == DUSTY:
        return scenario
    if kind in WEAK:
        return replace(
            scenario, specimen=replace(specimen, brightness=_light(scenario, WEAK[kind]))
        )
    background = specimen.background * (_NOISY if kind == "noise" else 1.0)
    return replace(scenario, specimen=replace(specimen, brightness=_DARK, background=background))


def _light(scenario: Scenario, contrast: float) -> float:
    """Photoelectrons of an object with a contrast over the noise that a disc of its size has."""
    assert scenario.specimen is not None
    radius_px = scenario.specimen.radius_um / scenario.optics.pixel_um
    variance = scenario.specimen.background + scenario.sensor.read_noise_e**2
    return contrast * float(np.sqrt(np.pi * radius_px**2 * variance))


def _pattern(kind: str, shape: tuple[int, int], rng: np.random.Generator) -> Pattern:
    y, x = np.indices(shape)
    still = np.zeros(shape)
    if kind == "waves":
        waves, slant = rng.integers(1, 12) / shape[1], rng.uniform(-1, 1)
        phase, drift = rng.uniform(0, 1), rng.uniform(-0.1, 0.1)
        place = waves * (x + slant * y) + phase
        return lambda count: 1500 * (1 + np.sin(2 * np.pi * (place + drift * count)))
    if kind in ("dust", DUSTY):
        for _ in range(3):
            at_x, at_y = rng.uniform(0, shape[1]), rng.uniform(0, shape[0])
            sigma_px, depth = rng.uniform(1.5, 5), rng.uniform(50, 500)
            still += depth * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * sigma_px**2))
    if kind == "hot pixels":
        still.flat[rng.integers(0, still.size, 5)] = rng.uniform(300, 5000, 5)
    return lambda count: still
