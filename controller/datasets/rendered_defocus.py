"""Windows rendered by the simulator's optics, to train the defocus network on."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Image
from ...models.focus import EDGE_PX, SIZES, Lens, Windows, normalised
from ...sim.imaging import Optics, OpticsSettings, Sensor, SensorSettings
from ...sim.motion import Brownian, Floats
from ...sim.rendering import log_uniform
from ...sim.specimen import Specimen, SpecimenSettings

SIDE = 6
"""Objects along a side of the sheet that is rendered at once. Chosen: rendering is fastest so."""
SIZES_PX = (5.0, 6.5, 8.5, 11.0, 14.0, 18.0, 23.0, 30.0)
"""Diameters of the objects: in steps of a quarter, from the smallest that have a shape to cells."""
ASTIGMATISM = (1.0, 4.0)
MOST_DEFOCUS = 3.5
"""Limits of the astigmatism, and greatest defocus, in depths of field. Chosen: cylindrical lenses
for microscopes give 1 to 4; farther out of focus an object is a faint disc."""
_EXPOSURE_MS = 10.0
"""Any: brightness is drawn as electrons for an exposure."""


class _Elongated(Specimen):
    """Objects, each stretched along a random direction."""

    def __init__(self, settings: SpecimenSettings, rng: np.random.Generator) -> None:
        super().__init__(settings, rng)
        angle = rng.uniform(0, math.pi, settings.count)
        longer = np.exp(np.abs(rng.normal(0.0, 0.12, settings.count)))
        axis = np.stack([np.cos(angle), np.sin(angle)])
        shear = np.einsum("in,jn,n->nij", axis, axis, longer - 1 / longer)
        self._stretch = shear + np.eye(2) / longer[:, None, None]

    @property
    def offsets_um(self) -> Floats:
        """Offsets (N, K, 2) of the parts, stretched."""
        return np.einsum("nij,nkj->nki", self._stretch, super().offsets_um)


def rendered_windows(seed: int, count: int) -> Iterator[Windows]:
    """Yield batches of spots and cells of random size, light, lens and defocus, without end."""
    sheets = _Sheets(seed)
    while True:
        made = [sheets.render() for _ in range(math.ceil(count / SIDE**2))]
        pictures = np.concatenate([sheet.pictures for sheet in made])[:count]
        yield Windows(pictures, np.concatenate([sheet.blurs_px for sheet in made])[:count])


class _Sheets:
    """Renders sheets of objects of about the same size, each through one lens."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._sensors: dict[int, Sensor] = {}

    def render(self) -> Windows:
        rng, optics = self._rng, _optics(self._rng)
        size_px = float(rng.choice(SIZES_PX))
        pitch_px = 2 * math.ceil(2 * size_px)
        specimen = self._specimen(size_px, optics.pixel_um)
        grid_px = (np.arange(SIDE) - (SIDE - 1) / 2) * pitch_px
        at_um = np.zeros((1, SIDE**2, 3))
        at_um[0, :, :2] = np.stack(np.meshgrid(grid_px, grid_px), -1).reshape(-1, 2)
        at_um[0, :, :2] += rng.normal(0.0, 0.06 * size_px, (SIDE**2, 2))
        at_um[0, :, :2] *= optics.pixel_um
        reach = rng.uniform(0.3, 1.0) * MOST_DEFOCUS
        depth_um = optics.index * optics.wavelength_um / optics.na**2
        at_um[0, :, 2] = rng.uniform(-reach, reach, SIDE**2) * depth_um
        light = np.empty((SIDE * pitch_px,) * 2, np.float32)
        Optics(optics).render(at_um, specimen, _EXPOSURE_MS, light)
        image = self._sensor(SIDE * pitch_px).read(light)
        return self._cut(image, _lens(optics), size_px, at_um[0, :, 2])

    def _specimen(self, size_px: float, pixel_um: float) -> Specimen:
        rng = self._rng
        settings = SpecimenSettings(
            motion=Brownian(diffusion_um2_s=0.0),
            count=SIDE**2,
            shape="spot" if rng.random() < 1 / 3 else "cell",
            radius_um=size_px * pixel_um / 2,
            radius_spread=0.15,
            background=log_uniform(0.05, 5.0, rng),
        )
        specimen = _Elongated(settings, rng)
        electrons = np.exp(rng.uniform(math.log(20), math.log(400), SIDE**2)) * size_px**2
        specimen.brightness = electrons / _EXPOSURE_MS
        return specimen

    def _sensor(self, edge_px: int) -> Sensor:
        if edge_px not in self._sensors:
            settings = SensorSettings(width_px=edge_px, height_px=edge_px)
            self._sensors[edge_px] = Sensor(settings, self._rng)
        return self._sensors[edge_px]

    def _cut(
        self, image: Image, lens: Lens, size_px: float, defocus_um: NDArray[np.float64]
    ) -> Windows:
        """Cut out a window around each object of the sheet, of random size as around a target."""
        pitch_px = len(image) // SIDE
        pictures = np.empty((SIDE**2, 2, EDGE_PX, EDGE_PX), np.float32)
        blurs_px = np.empty(SIDE**2, np.float32)
        for i, z_um in enumerate(defocus_um.tolist()):
            half_px = max(5, round(SIZES / 2 * size_px * self._rng.uniform(0.75, 1.3)))
            y, x = (pitch_px * place + pitch_px // 2 for place in divmod(i, SIDE))
            top, left = max(y - half_px, 0), max(x - half_px, 0)
            pictures[i], um_per_px = normalised(image[top : y + half_px, left : x + half_px], lens)
            blurs_px[i] = z_um / um_per_px
        return Windows(pictures, blurs_px)


def _lens(optics: OpticsSettings) -> Lens:
    return Lens(
        optics.na, optics.wavelength_um, optics.index, optics.pixel_um, optics.astigmatism_um
    )


def _optics(rng: np.random.Generator) -> OpticsSettings:
    index = float(rng.choice([1.0, 1.333, 1.515]))
    na = rng.uniform(0.4, 0.92) * index
    wavelength_um = rng.uniform(0.45, 0.7)
    depth_um = index * wavelength_um / na**2
    return OpticsSettings(
        pixel_um=wavelength_um / na * rng.uniform(0.25, 0.7),
        na=na,
        wavelength_um=wavelength_um,
        index=index,
        astigmatism_um=float(rng.choice([-1, 1]) * depth_um * rng.uniform(*ASTIGMATISM)),
    )
