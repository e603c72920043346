"""A light source with a shutter."""

from __future__ import annotations

from pymmcore_plus.experimental.unicore import ShutterDevice

INTENSITY = "Intensity"
"""Property of the light source: share of its full light, in per cent."""
FULL = 100.0


class SimLight(ShutterDevice):
    """The light under or above the specimen; its shutter is opened for exposures by the core.

    A core opens the shutter of a device of its own for each exposure (auto shutter), but not that
    of a Python device; so the camera asks it whether it would.
    """

    def __init__(self) -> None:
        super().__init__()
        self._open, self._percent = False, FULL
        self.register_property(
            INTENSITY,
            default_value=FULL,
            property_type=float,
            limits=(0.0, FULL),
            getter=lambda _: self._percent,
            setter=lambda _, value: self._set_intensity(value),
        )

    def _set_intensity(self, percent: float) -> None:
        self._percent = float(percent)

    @property
    def share(self) -> float:
        """Share of the full light while the shutter is open."""
        return self._percent / FULL

    def get_open(self) -> bool:
        """Whether the shutter is open."""
        return self._open

    def set_open(self, open: bool) -> None:
        """Open or close the shutter."""
        self._open = open
