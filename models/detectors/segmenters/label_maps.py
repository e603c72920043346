"""Label maps as Detections with masks."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from ...arrays import Image
from ...detections import Detections
from ...errors import ModelError
from ...images import LEAST_CAMERA_NOISE, Polarity, checked
from ..classical import HALF_SCORE_SNR

Labels = NDArray[np.integer]

GAP_PX = 1.5
"""The local background begins that far outside an object. Chosen: an outline is never sharp."""

_RING_SHARE, _LEAST_RING_PX = 0.25, 2.0
"""Width of the local background, in sizes of an object, and the least. Chosen: about as many pixels
as the object has, near enough not to reach the next one."""


def from_labels(
    labels: Labels,
    image: Image,
    diameter_px: float | None = None,
    tolerance: float = 2.0,
    polarity: Polarity = "both",
) -> Detections:
    """Turn a label map into Detections of class 0.

    Pixels of one number are one object, even where they do not touch. The box runs along the
    outer edges of its pixels, the mask tells which pixels of the box they are. The centre is
    their centroid, weighted by their difference from the local background: the mean of the
    unlabelled pixels that are nearest to the object, within a quarter of a diameter. Brightness
    is the sum of the difference, positive for dark objects too. The score is
    ``snr / (snr + 5)``, with the root mean square of the difference over the background's
    standard deviation.

    Parameters
    ----------
    labels : (H, W) integers
        0 is the background.
    image : (H, W) uint8 or uint16
    diameter_px : float, optional
        Keep objects with the area of a disc of that diameter; all of them if not given.
    tolerance : float
        Greatest factor by which their diameter may differ from it.
    polarity : str
        Keep objects that are ``bright`` or ``dark`` against the surroundings, or ``both``.

    Raises
    ------
    ValueError
        If the label map has another shape than the image, or holds no label numbers.
    """
    image, labels = checked(image), _checked(labels, image.shape)
    places = find_objects(labels)
    ids = np.array([k for k, place in enumerate(places, 1) if place is not None], np.intp)
    if not len(ids):
        return Detections.of(np.empty((0, 4)), masks=[])
    area = np.bincount(labels.ravel(), minlength=len(places) + 1)
    seen = _contrasts(labels, image, area)
    good = np.ones(len(ids), np.bool_)
    if diameter_px is not None:
        ratio = np.sqrt(area[ids] * (4 / np.pi)) / diameter_px
        good &= (ratio <= tolerance) & (ratio * tolerance >= 1)
    if polarity != "both":
        good &= seen.signal[ids] * (1 if polarity == "bright" else -1) > 0
    ids = ids[good]
    slices = [places[k - 1] for k in ids]
    boxes = [(x.start - 0.5, y.start - 0.5, x.stop - 0.5, y.stop - 0.5) for y, x in slices]
    return Detections.of(
        np.array(boxes).reshape(-1, 4),
        scores=seen.snr[ids] / (seen.snr[ids] + HALF_SCORE_SNR),
        centres_px=seen.centres[ids],
        brightness=np.abs(seen.signal[ids]),
        masks=[labels[place] == k for place, k in zip(slices, ids, strict=True)],
    )


def _checked(labels: Labels, shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Refuse what is no label map; renumber the labels if the numbers are huge."""
    labels = np.asarray(labels)
    if labels.shape != shape:
        raise ModelError(f"a label map of shape {shape} is needed, not {labels.shape}")
    if not np.issubdtype(labels.dtype, np.integer):
        raise ModelError(
            f"a label map of whole numbers is needed, not {labels.dtype}: "
            "scipy.ndimage.label makes one of a mask"
        )
    if labels.min() < 0:
        raise ModelError("a label map has 0 for the background and no numbers below it")
    if labels.max() > labels.size:
        numbers, labels = np.unique(labels, return_inverse=True)
        labels = labels.reshape(shape) + (1 if numbers[0] else 0)
    return labels.astype(np.int32)


class _Contrasts(NamedTuple):
    """How labels stand out, by number; row 0 means nothing."""

    centres: NDArray[np.float64]
    signal: NDArray[np.float64]
    snr: NDArray[np.float64]


def _contrasts(labels: NDArray[np.int32], image: Image, area: NDArray[np.intp]) -> _Contrasts:
    """Compare every object with the background around it."""
    count, values = len(area), image.ravel().astype(np.float64)
    level, noise = _backgrounds(labels, values, area)
    at = np.flatnonzero(labels)
    which = labels.ravel()[at]
    difference = values[at] - level[which]
    weight = np.abs(difference) + 1e-9
    rows, columns = np.divmod(at, labels.shape[1])
    total = np.maximum(np.bincount(which, weight, count), 1e-9)
    centres = [np.bincount(which, weight * along, count) / total for along in (columns, rows)]
    power = np.bincount(which, difference**2, count) / np.maximum(area, 1)
    signal = np.bincount(which, difference, count).astype(np.float64)
    return _Contrasts(np.stack(centres, axis=1), signal, np.sqrt(power) / noise)


def _backgrounds(
    labels: NDArray[np.int32], values: NDArray[np.float64], area: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation around every object; of all unlabelled pixels if enclosed."""
    size = float(np.sqrt(np.median(area[1:][area[1:] > 0])))
    free = (labels == 0).astype(np.uint8)
    distance, nearest = cv2.distanceTransformWithLabels(
        free, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(nearest.max()) + 1, np.int32)
    owner[nearest[free == 0]] = labels[free == 0]
    ring = (distance > GAP_PX) & (distance <= GAP_PX + max(_LEAST_RING_PX, _RING_SHARE * size))
    at = np.flatnonzero(ring)
    which, seen = owner[nearest.ravel()[at]], values[at]
    count = np.bincount(which, minlength=len(area))
    outside = values[free.ravel() > 0] if free.any() else values
    few = np.maximum(count, 1)
    mean = np.where(count, np.bincount(which, seen, len(area)) / few, outside.mean())
    power = np.bincount(which, (seen - mean[which]) ** 2, len(area)) / few
    noise = np.sqrt(np.where(count, power, outside.var()))
    return mean, np.maximum(noise, LEAST_CAMERA_NOISE)
