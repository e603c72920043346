"""Focus series of objects, to train the defocus network on the user's own microscope."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..arrays import Image
from ..errors import ModelError
from ..focus import EDGE_PX, LEAST_POINTS, Lens, NoPeak, Windows, fit_peak, normalised, sharpness

_CROPPED = 0.12
"""Share of a window, at most, that is cut off on each side, so that objects fill it differently.

Chosen: windows are drawn about twice as large as the object, whose size is known to some 10 %."""
_JUDGED_EVERY = 5
"""Every so many images of an object are kept to judge on. Chosen: the usual fifth."""
_LEAST_CORRELATION = 0.3
"""Of the anisotropy of images with the side of the focus. Chosen: some ten images without any
reach 0.6 only once in twenty, hundreds hardly ever 0.3."""


class FocusSeries(NamedTuple):
    """Images of one object through one lens, out of focus by known amounts.

    Attributes
    ----------
    images : sequence of (H, W) uint8 or uint16
        Windows around it.
    defocus_um : sequence of float
        How far it lies above the focal plane in each.
    """

    images: Sequence[Image]
    defocus_um: Sequence[float]


def measure_defocus(
    images: Sequence[Image], z_um: Sequence[float], focus_um: float | None = None
) -> FocusSeries | NoPeak:
    """Work out how far out of focus an object is in each image of it.

    Parameters
    ----------
    images : sequence of (H, W) uint8 or uint16
        Windows around it.
    z_um : sequence of float
        Focal position of each.
    focus_um : float, optional
        Where it is in focus; without it, at the peak of its own sharpness curve. If that has
        none, that is returned.

    Raises
    ------
    ModelError
        If there are too few images.
    """
    if len(images) < LEAST_POINTS:
        raise ModelError(
            f"a calibration stack of {len(images)} images is too short: take at least "
            f"{LEAST_POINTS} from below to above the focus"
        )
    if focus_um is None:
        peak = fit_peak(z_um, *np.array([sharpness(image) for image in images]).T)
        if isinstance(peak, NoPeak):
            return peak
        focus_um = peak.z_um
    return FocusSeries(images, [focus_um - z for z in z_um])


def split_series(
    objects: Sequence[FocusSeries], most_um: float
) -> tuple[list[FocusSeries], list[FocusSeries]]:
    """Split images into those to learn from and, every fifth, those to judge on.

    Parameters
    ----------
    most_um : float
        Greatest defocus, to either side; images with more are left out.

    Raises
    ------
    ModelError
        If nothing is left on one side of the focus.
    """
    parts: tuple[list[FocusSeries], list[FocusSeries]] = ([], [])
    for images, defocus_um in objects:
        near = [i for i, z_um in enumerate(defocus_um) if abs(z_um) <= most_um]
        for part, judged in zip(parts, (False, True), strict=True):
            rows = [i for i in near if (i % _JUDGED_EVERY == _JUDGED_EVERY // 2) == judged]
            if rows:
                part.append(FocusSeries([images[i] for i in rows], [defocus_um[i] for i in rows]))
    for part in parts:
        defocus = [z_um for seen in part for z_um in seen.defocus_um]
        if not defocus or not min(defocus) < 0 < max(defocus):
            raise ModelError(
                "the calibration stack shows one side of the focus only, or too few positions "
                f"within {most_um:.2g} µm of it: take it from below to above, in finer steps"
            )
    return parts


def check_sign(objects: Sequence[FocusSeries], lens: Lens) -> None:
    """Check that images above and below the focus differ in the way that the lens says.

    Above it, with a positive astigmatism, grey values change most along the rows.

    Raises
    ------
    ModelError
        If both sides look the same, or the other way round, or the focus lies elsewhere.
    """
    if not lens.astigmatism_um:
        raise ModelError(
            "without astigmatism both sides of the focus look the same, so nothing tells them "
            "apart: put a cylindrical lens before the camera and give --astigmatism-um"
        )
    pairs = [
        (_anisotropy(image), z_um) for seen in objects for image, z_um in zip(*seen, strict=True)
    ]
    anisotropies, defocus = np.array(pairs).T
    middle = np.abs(defocus) <= max(np.abs(defocus).max() / 4, np.abs(defocus).min())
    correlation = float(np.corrcoef(anisotropies, defocus)[0, 1]) * np.sign(lens.astigmatism_um)
    if not correlation >= _LEAST_CORRELATION and correlation > -_LEAST_CORRELATION:
        raise ModelError(
            "the calibration stack looks the same on both sides of the focus: the point spread "
            "needs an astigmatism of about two depths of field"
        )
    if abs(anisotropies[middle].mean()) > np.ptp(anisotropies) / 4:
        raise ModelError(
            "the focus of the calibration stack cannot be told: take it from well below to well "
            "above, or give --focus-um"
        )
    if correlation < 0:
        raise ModelError(
            "the calibration stack is astigmatic the other way round: change the sign of "
            "--astigmatism-um, or of --step-um if the focal plane moved down"
        )


def _anisotropy(image: Image) -> float:
    """Squared gradient along the rows less that along the columns, over their sum."""
    down, across = (np.square(slope).sum() for slope in np.gradient(image.astype(np.float32)))
    return float((across - down) / max(across + down, 1e-9))


def greatest_defocus_um(objects: Sequence[FocusSeries]) -> float:
    """Greatest defocus of which both sides were seen."""
    defocus = [z_um for seen in objects for z_um in seen.defocus_um]
    return min(-min(defocus), max(defocus))


def stack_windows(
    objects: Sequence[FocusSeries], lens: Lens, count: int, rng: np.random.Generator
) -> Iterator[Windows]:
    """Yield batches of so many windows around objects, cropped by random amounts, without end.

    The lens is that through which they were taken, with its astigmatism.
    """
    pairs = [pair for seen in objects for pair in zip(*seen, strict=True)]
    while True:
        pictures = np.empty((count, 2, EDGE_PX, EDGE_PX), np.float32)
        blurs_px = np.empty(count, np.float32)
        for i, row in enumerate(rng.integers(0, len(pairs), count).tolist()):
            image, defocus_um = pairs[row]
            cut_px = int(rng.uniform(0.0, _CROPPED) * min(image.shape))
            window = image[cut_px : image.shape[0] - cut_px, cut_px : image.shape[1] - cut_px]
            pictures[i], um_per_px = normalised(window, lens)
            blurs_px[i] = defocus_um / um_per_px
        yield Windows(pictures, blurs_px)


def joined_windows(*sources: Iterator[Windows]) -> Iterator[Windows]:
    """Yield batches that each join one batch of every source."""
    for parts in zip(*sources, strict=False):
        yield Windows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
