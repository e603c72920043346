"""The simulator behind the driver for real hardware, which adds the truth about the target."""

from __future__ import annotations

from collections import deque

from ...drivers.clock import Clock
from ...drivers.messages import Frame, Report, Truth
from ...drivers.micromanager import Exposure, MMCoreMicroscope
from ...drivers.settings import StandSettings
from .devices import CAMERA, TRUTH_TAG, load_simulator
from .world import World

_MOST_TRUTHS = 10_000
"""Reports kept for a caller who never asks for them; chosen: a hundred seconds at 100 frames/s."""


class SimulatedMicroscope(MMCoreMicroscope):
    """An `MMCoreMicroscope` over simulated devices that also reports `Truth`.

    Parameters
    ----------
    world : World
        What lies under the microscope.
    settings : StandSettings
        What the caller is told about the stand.
    clock : Clock, optional
        The host's clock by default.
    """

    def __init__(self, world: World, settings: StandSettings, clock: Clock | None = None) -> None:
        super().__init__(load_simulator(world, clock), settings, clock)
        self._truths: deque[Report] = deque(maxlen=_MOST_TRUTHS)

    def reports(self) -> list[Report]:
        """All that happened since the last call, and the truth about new frames of a stream."""
        truths = [self._truths.popleft() for _ in range(len(self._truths))]
        return super().reports() + truths

    def _frame(self, exposure: Exposure, index: int) -> Frame:
        tagged = TRUTH_TAG in exposure.tags  # a picture that was taken singly has no tags
        text = exposure.tags[TRUTH_TAG] if tagged else self._core.getProperty(CAMERA, TRUTH_TAG)
        if text:
            x, y, z = (float(number) for number in text.split())
            self._truths.append(Truth(index, x, y, z))
        return super()._frame(exposure, index)
