"""The affine by `camera-stage-mapping` (R. Bowman), from the images of our own long moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....drivers.messages import Image

Floats = NDArray[np.float64]

_STEP_UM = 0.05
"""A motor step, its unit of position; it seeks backlash in whole ones. Chosen: a common one."""


class Peer:
    """Collects images at rest, one before and one after each move, axis by axis."""

    def __init__(self) -> None:
        self._seen: dict[int, list[tuple[Floats, Image]]] = {0: [], 1: []}

    @property
    def is_installed(self) -> bool:
        """Whether the package is there."""
        try:
            import camera_stage_mapping  # noqa: F401  # pyright: ignore
        except ImportError:
            return False
        return True

    def add(self, from_um: Floats, to_um: Floats, before: Image, after: Image) -> None:
        """Note a move."""
        axis = int(np.argmax(np.abs(to_um - from_um)))
        seen = self._seen[axis]
        if not seen or not np.allclose(seen[-1][0], from_um):
            seen.append((from_um, before))
        seen.append((to_um, after))

    def affine(self) -> Floats | None:
        """Return the affine (2, 2) as in `Description.affine`; None if it refuses."""
        from camera_stage_mapping.camera_stage_calibration_1d import (  # pyright: ignore
            fit_backlash,
            image_to_stage_displacement_from_1d,
        )
        from camera_stage_mapping.exceptions import MappingError  # pyright: ignore
        from camera_stage_mapping.fft_image_tracking import (  # pyright: ignore
            displacement_from_fft_template,
            high_pass_fft_template,
        )

        fits = []
        for seen in self._seen.values():
            template = high_pass_fft_template(np.asarray(seen[0][1], float))
            shifts = [
                -np.asarray(displacement_from_fft_template(template, image.astype(float)))[::-1]
                for _, image in seen
            ]
            steps = np.array([[*at_um, 0.0] for at_um, _ in seen]) / _STEP_UM
            history = {
                "stage_positions": steps - steps[0],
                "image_positions": np.array(shifts),
                "times": np.arange(len(steps), dtype=float),
            }
            try:
                fits.append(fit_backlash(history))
            except (MappingError, ValueError, np.linalg.LinAlgError):
                return None
        found = image_to_stage_displacement_from_1d(fits)
        return np.asarray(found["image_to_stage_displacement"]).T * _STEP_UM
