"""Fluorescent spots, cells and worms: the simulator's specimens with random appearance."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Image
from ..imaging import PIXEL_VARIANCE, Optics, OpticsSettings, SensorSettings, spread_variance_um2
from ..motion import Brownian, Floats, Motion, Worm
from ..specimen import WORM_ASPECT, Specimen, SpecimenSettings
from .canvas import (
    VISIBLE,
    log_uniform,
    noise_e,
    read_out,
    scatter_px,
    smooth_field,
    visible_extents,
    within_field,
)

GRID = 56
"""Points on a side of the grid on which extents are found, to a hundredth of an object's size."""
GAUSSIAN_EXTENT = 2 * math.sqrt(-2 * math.log(VISIBLE))
SPOT_EXTENT = GAUSSIAN_EXTENT / 5**0.5
"""Visible diameter of a Gaussian over its standard deviation, and of a spot over its radius."""
LEAST_SNR = 6.0
"""Of a matched filter, below which an object is left out: noise alone hardly ever reaches it."""
MOST_COVERED = 0.35
"""Share of the field that objects may fill. Chosen: denser crowds overlap too much to annotate."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """Limits of the appearance of fluorescent objects of one shape.

    Attributes
    ----------
    width_px : (float, float)
        Limits of the visible width.
    contrast : (float, float)
        Limits of the peak over the noise of the background.
    most : int
        Objects in a frame.
    wide, long : float
        Visible width and length over the specimen's radius.
    least_body : float
        Share of the visible width that is at least the object's own, not blur.
    filled : float
        Mean over peak of the light in a box of that width and length.
    """

    shape: Literal["spot", "cell", "worm"]
    width_px: tuple[float, float]
    contrast: tuple[float, float]
    most: int
    wide: float
    long: float
    least_body: float
    filled: float


APPEARANCES = {
    appearance.shape: appearance
    for appearance in (
        Appearance("spot", (3.0, 12.0), (4.0, 400.0), 120, SPOT_EXTENT, 1.74, 0.2, 0.41),
        Appearance("cell", (10.0, 80.0), (2.5, 100.0), 60, 2.3, 2.3, 0.7, 0.5),
        Appearance("worm", (5.0, 20.0), (3.0, 100.0), 8, 2.1, WORM_ASPECT, 0.85, 0.5),
    )
}
"""By the name of the shape. Chosen: from hardly resolved and faint to large and bright."""


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """What all objects of a fluorescent frame share."""

    appearance: Appearance
    size_px: int
    width_px: float
    radius_px: float
    background_e: float
    peak_e: float
    optics: OpticsSettings
    sensor: SensorSettings


def fluorescent_objects(
    appearance: Appearance, rng: np.random.Generator, size_px: int
) -> tuple[Image, NDArray[np.float32]]:
    """Draw a fluorescent specimen with a random stand and camera.

    Boxes, (N, 4), are the extents, within the field, of what is bright enough to be found.
    """
    frame = _frame(appearance, size_px, rng)
    specimen, places_px = _specimen(frame, rng)
    optics = Optics(frame.optics)
    relative_um = _exposure(frame, specimen, places_px, optics, rng)
    whole_px, inside_px, bright = _truth(frame, specimen, relative_um)
    specimen.brightness = np.where(bright, specimen.brightness, 0.0)
    electrons = np.empty((size_px, size_px), np.float32)
    optics.render(relative_um, specimen, 1.0, electrons)
    _add_uneven_light(electrons, frame.background_e, rng)
    boxes_px, _ = within_field(inside_px, size_px)
    _, inside = within_field(whole_px, size_px)
    return read_out(electrons, frame.sensor, rng), boxes_px[inside & bright]


def _frame(appearance: Appearance, size_px: int, rng: np.random.Generator) -> _Frame:
    """Draw a stand, a camera, and a size and brightness of objects that suit them."""
    width_px = log_uniform(*appearance.width_px, rng)
    optics = OpticsSettings(
        pixel_um=log_uniform(0.1, 1.3, rng), na=rng.uniform(0.3, 0.8), wavelength_um=0.55
    )
    focused_px2 = float(spread_variance_um2(optics, 0.0)) / optics.pixel_um**2 + PIXEL_VARIANCE
    narrow = width_px**2 - GAUSSIAN_EXTENT**2 * focused_px2
    radius_px = math.sqrt(max(narrow, appearance.least_body**2 * width_px**2)) / appearance.wide
    background_e = log_uniform(2.0, 400.0, rng)
    read_noise_e = rng.uniform(1.0, 3.0)
    noise = math.sqrt(background_e + read_noise_e**2)
    peak_e = min(log_uniform(*appearance.contrast, rng) * noise, 20_000.0)
    brightest_e = background_e + 1.5 * peak_e
    bits = int(rng.choice([8, 12, 16]))
    sensor = SensorSettings(
        width_px=size_px,
        height_px=size_px,
        offset=rng.uniform(0.0, 12.0 if bits == 8 else 200.0),
        gain=rng.uniform(60, 300) / brightest_e if bits == 8 else log_uniform(0.2, 2.0, rng),
        read_noise_e=read_noise_e,
        bits=bits,
    )
    return _Frame(appearance, size_px, width_px, radius_px, background_e, peak_e, optics, sensor)


def _specimen(frame: _Frame, rng: np.random.Generator) -> tuple[Specimen, Floats]:
    """Make a specimen, and the places (N, 2) of its objects in the frame."""
    appearance, width_px = frame.appearance, frame.width_px
    length_px = max(width_px, appearance.long * frame.radius_px)
    most = MOST_COVERED * frame.size_px**2 / (width_px * length_px)
    count = max(1, round(min(log_uniform(1, appearance.most, rng), most)))
    gap_px = rng.uniform(0.5, 1.3) * math.sqrt(width_px * length_px)
    places_px = scatter_px(count, gap_px, 0.1 * length_px, frame.size_px, rng)
    settings = SpecimenSettings(
        motion=_motion(appearance, frame.radius_px * frame.optics.pixel_um, rng),
        count=len(places_px),
        shape=appearance.shape,
        radius_um=frame.radius_px * frame.optics.pixel_um,
        radius_spread=rng.uniform(0.0, 0.3),
        brightness=frame.peak_e * appearance.filled * width_px * length_px,
        brightness_spread=rng.uniform(0.0, 0.6),
        background=frame.background_e,
    )
    return Specimen(settings, rng), places_px


def _motion(appearance: Appearance, radius_um: float, rng: np.random.Generator) -> Motion:
    """Motion that decides how the objects bend, if they do; they are not moved."""
    if appearance.shape != "worm":
        return Brownian(diffusion_um2_s=0.0)
    length_um = WORM_ASPECT * radius_um
    return Worm(
        speed_um_s=length_um * rng.uniform(0.4, 1.5),
        sway_um=length_um * rng.uniform(0.0, 0.12),
        period_s=1.0,
    )


def _exposure(
    frame: _Frame,
    specimen: Specimen,
    places_px: Floats,
    optics: Optics,
    rng: np.random.Generator,
) -> Floats:
    """Positions (M, N, 3) in an exposure: some in motion, some out of focus."""
    count, pixel_um = len(places_px), frame.optics.pixel_um
    angles = rng.uniform(0.0, 2 * math.pi, count)
    smear_px = frame.width_px * max(0.0, rng.uniform(-0.6, 0.6)) * rng.random(count)
    travel_um = pixel_um * smear_px[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    tangent = math.tan(math.asin(frame.optics.na))
    widest_um = max(0.0, rng.uniform(-0.5, 0.5)) * frame.width_px * pixel_um / tangent
    depth_um = widest_um * rng.random(count) * (rng.random(count) < 0.5)
    middle_um = pixel_um * (places_px - (frame.size_px - 1) / 2)
    instants = optics.subsamples(specimen, float(pixel_um * smear_px.max()))
    at = (np.arange(instants) + 0.5) / instants - 0.5
    relative_um = np.empty((instants, count, 3))
    relative_um[..., :2] = middle_um + at[:, None, None] * travel_um
    relative_um[..., 2] = depth_um
    return relative_um


def _truth(
    frame: _Frame, specimen: Specimen, relative_um: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Boxes (N, 4) of whole objects and of their parts in the field; which can be seen (N,)."""
    grid_px, profiles = _profiles(frame, specimen, relative_um)
    peaks = profiles.max(axis=(1, 2))
    origin_px, step_px = np.tile(grid_px[:, 0], 2), np.tile(grid_px[:, 1] - grid_px[:, 0], 2)
    whole_px = origin_px + step_px * visible_extents(profiles)
    edge_px = np.sqrt((whole_px[:, 2:] - whole_px[:, :2]).prod(axis=1))
    snr = peaks / noise_e(frame.sensor, frame.background_e) * edge_px / 2
    in_field = (grid_px > -0.5) & (grid_px < frame.size_px - 0.5)
    profiles *= in_field[:, None, :, 0] & in_field[:, :, None, 1]
    inside_px = origin_px + step_px * visible_extents(profiles, peaks)
    shown = profiles.max(axis=(1, 2)) > VISIBLE * peaks
    return whole_px, inside_px, (snr > LEAST_SNR) & shown


def _profiles(frame: _Frame, specimen: Specimen, relative_um: Floats) -> tuple[Floats, Floats]:
    """Grids (N, GRID, 2) of x and y around objects, and the photoelectrons (N, GRID, GRID)."""
    pixel_um, m = frame.optics.pixel_um, len(relative_um)
    parts_um = relative_um[:, None, :, :2] + specimen.offsets_um.transpose(1, 0, 2)
    parts_px = parts_um.reshape(-1, *parts_um.shape[2:]).transpose(1, 0, 2) / pixel_um
    parts_px += (frame.size_px - 1) / 2
    blur_px2 = spread_variance_um2(frame.optics, relative_um[0, :, 2]) / pixel_um**2
    variances = (specimen.widths_um / pixel_um) ** 2 + blur_px2[:, None] + PIXEL_VARIANCE
    light = specimen.weights * specimen.brightness[:, None] / (2 * math.pi * m * variances)
    variances, light = np.tile(variances, m), np.tile(light, m)
    reach_px = 2.2 * np.sqrt(variances.max(axis=1))[:, None]
    low_px, high_px = parts_px.min(axis=1) - reach_px, parts_px.max(axis=1) + reach_px
    grid_px = np.linspace(low_px, high_px, GRID, axis=1)
    away_px = grid_px[:, None] - parts_px[:, :, None]
    gaussians = np.exp(away_px**2 / (-2 * variances[:, :, None, None]))
    across, down = gaussians[..., 0], gaussians[..., 1] * light[..., None]
    return grid_px, down.swapaxes(1, 2) @ across


def _add_uneven_light(
    electrons: NDArray[np.float32], background_e: float, rng: np.random.Generator
) -> None:
    """Shade the illumination, and add light from far out of focus."""
    size_px = len(electrons)
    shade = max(0.0, rng.uniform(-0.2, 0.2))
    electrons *= np.maximum(1 + np.float32(shade) * smooth_field(size_px, 1, rng), 0.2)
    haze = 0.5 * background_e * max(0.0, rng.uniform(-1.0, 1.0))
    glow = smooth_field(size_px, int(rng.integers(1, 3)), rng)
    electrons += np.float32(haze) * (glow - glow.min())
