"""Field geometry: pixels, stage coordinates, and detections in the latter."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Description, Frame
from ...models.arrays import Bools, Floats
from ...models.detections import BoxConvention, Detections

_CLEARANCE = 0.75
"""Distance, in sizes, of an object's centre from an edge that does not cut its box, even one that
is longer than wide. Chosen: half a box of aspect ratio 2."""

Crop = tuple[int, int, int, int]
"""Part of a frame in pixels: left, top, right, bottom, the latter two exclusive."""


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """The detections of one frame in stage µm.

    Attributes
    ----------
    positions_um : (N, 2)
        Where the stage would have to be for the object to be centred.
    sizes_um : (N,)
        Root of the area of the box.
    scores, brightness, classes : (N,)
        As in `Detections`.
    appearance : (N, 2)
        Logarithms of size and brightness, NaN for an unknown one.
    extents_um : (N, 2)
        Extents of the box along the axes of the stage.
    convention : BoxConvention
        What the boxes of the detector say of objects that overlap.
    looked_px : tuple of Crop, optional
        Parts of the frame that were looked at; without it, all of it.
    """

    positions_um: Floats
    sizes_um: Floats
    scores: NDArray[np.float32]
    brightness: NDArray[np.float32]
    classes: NDArray[np.int32]
    appearance: Floats
    extents_um: Floats
    convention: BoxConvention
    looked_px: tuple[Crop, ...] | None = None

    def __len__(self) -> int:
        return len(self.positions_um)


class FieldGeometry:
    """How the field of one microscope lies on the specimen.

    Attributes
    ----------
    pixel_um : float
        Edge of a pixel.
    """

    def __init__(self, description: Description) -> None:
        self._affine = np.array(description.affine).reshape(2, 2)
        self._inverse = np.linalg.inv(self._affine)
        self._half_px = np.array([description.width_px, description.height_px]) / 2
        self._middle_px = self._half_px - 0.5
        self.pixel_um = description.pixel_um

    def measurements(
        self, detections: Detections, frame: Frame, looked_px: tuple[Crop, ...] | None = None
    ) -> Measurements:
        """Place detections in stage coordinates by the pose at the middle of the exposure."""
        offsets_px = detections.centres_px - self._middle_px
        sizes_um = np.sqrt(detections.sizes_px.prod(axis=1, dtype=np.float64)) * self.pixel_um
        traits = np.column_stack([sizes_um, detections.brightness])
        return Measurements(
            offsets_px @ self._affine.T + (frame.pose.x_um, frame.pose.y_um),
            sizes_um,
            detections.scores,
            detections.brightness,
            detections.classes,
            np.log(traits, where=traits > 0, out=np.full_like(traits, np.nan)),
            detections.sizes_px.astype(np.float64) @ np.abs(self._affine).T,
            detections.convention,
            looked_px,
        )

    def pixel_of(self, position_um: Floats, frame: Frame) -> tuple[float, float]:
        """Pixel (x, y) of a frame in which a position, (2,) in stage µm, is seen."""
        return self.pixel_from(position_um, (frame.pose.x_um, frame.pose.y_um))

    def pixel_from(
        self, position_um: Floats | tuple[float, float], stage_um: tuple[float, float]
    ) -> tuple[float, float]:
        """Pixel (x, y) in which a position, (2,) in stage µm, is seen if the stage is there."""
        x, y = self._inverse @ np.subtract(position_um, stage_um) + self._middle_px
        return float(x), float(y)

    def position_of(self, pixel: Floats, frame: Frame) -> Floats:
        """Position, (2,) in stage µm, of what is seen in a pixel (x, y) of a frame."""
        return self._affine @ (pixel - self._middle_px) + (frame.pose.x_um, frame.pose.y_um)

    def area_um2(self, looked_px: tuple[Crop, ...] | None = None) -> float:
        """Area of the field, or of the parts of it that were looked at."""
        area_px = float(np.prod(2 * self._half_px))
        if looked_px is not None:
            sides = ((right - left) * (bottom - top) for left, top, right, bottom in looked_px)
            area_px = min(float(sum(sides)), area_px)
        return area_px * abs(float(np.linalg.det(self._affine)))

    def shows(
        self,
        positions_um: Floats,
        sizes_um: Floats,
        frame: Frame,
        looked_px: tuple[Crop, ...] | None = None,
    ) -> Bools:
        """Which objects should be seen in a frame.

        Those at positions, (N, 2) in stage µm, inside the field; of parts of the field that
        were looked at, those of size (N,) that lie wholly in one.
        """
        offsets_um = positions_um - (frame.pose.x_um, frame.pose.y_um)
        offsets_px = offsets_um @ self._inverse.T
        if looked_px is None:
            inside = np.abs(offsets_px) <= self._half_px
            return np.logical_and(inside[:, 0], inside[:, 1])
        places_px = offsets_px + self._half_px
        clearance_px = (_CLEARANCE * sizes_um / self.pixel_um)[:, None]
        shown = np.zeros(len(places_px), np.bool_)
        for crop in looked_px:
            low, high = crop[:2] + clearance_px, crop[2:] - clearance_px
            inside = (places_px >= low) & (places_px <= high)
            shown |= np.logical_and(inside[:, 0], inside[:, 1])
        return shown
