"""Frames of moving cells, rendered once and replayed for every contender."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import msgspec
import numpy as np

from ....drivers.clock import VirtualClock
from ....drivers.messages import Description, Frame, Move, Report, Truth
from ....drivers.microscope import Frames
from ....models.images import levels_of, stretched
from ....sim.imaging import OpticsSettings, SensorSettings
from ....sim.motion import Persistent
from ....sim.specimen import SpecimenSettings
from ....sim.stand import LockstepMicroscope, Scenario, SimCameraSettings
from ...assembly import Simulation
from ..truth import truth_about

OBJECTS, RADIUS_UM, PIXEL_UM = 20, 13.0, 1.0
"""Cells of about the size that the shipped networks were trained on, in pixels, and as many as a
microscopist would find in a field (chosen)."""
DIAMETER_PX = 2 * RADIUS_UM / PIXEL_UM
"""Of those cells."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Frames and the truth about each, in one order: as much of a microscope as a loop needs."""

    description: Description
    shown: Sequence[Frame]
    truths: Sequence[Truth]

    def describe(self) -> Description:
        """Describe the microscope that they are from."""
        return self.description

    def frames(self, *, resume: bool = False) -> Frames:
        """Show them."""
        yield from self.shown

    def move(self, move: Move) -> None:
        """Stay."""

    def reports(self) -> list[Report]:
        """Report nothing."""
        return []


def record_cells(size_px: int, count: int) -> Recording:
    """Render cells that creep about, one of them in the middle at first, stretched to uint8."""
    world = Simulation("cells", _scenario(size_px)).world(seed=1)
    stand = world.scenario.stand("cells")
    with LockstepMicroscope(world, stand, VirtualClock()) as microscope:
        frames, truths = [], []
        for frame in islice(microscope.frames(every=True), count):
            frames.append(frame)
            truths.append(truth_about(frame, microscope.reports()))
        description = msgspec.structs.replace(microscope.describe(), dtype="uint8")
    levels = levels_of(frames[0].image)
    flat = [(255 * stretched(frame.image, levels)).astype(np.uint8) for frame in frames]
    pairs = zip(frames, flat, strict=True)
    shown = [msgspec.structs.replace(frame, image=grey) for frame, grey in pairs]
    return Recording(description, shown, truths)


def _scenario(size_px: int) -> Scenario:
    area_um = 0.9 * size_px * PIXEL_UM
    return Scenario(
        title="Cells",
        specimen=SpecimenSettings(
            motion=Persistent(speed_um_s=20.0, persistence_s=1.0),
            count=OBJECTS,
            shape="cell",
            radius_um=RADIUS_UM,
            brightness=20_000.0,
            brightness_spread=0.2,
            area_um=area_um,
            min_separation_um=min(3.5 * RADIUS_UM, area_um / 8),
        ),
        optics=OpticsSettings(pixel_um=PIXEL_UM),
        sensor=SensorSettings(width_px=size_px, height_px=size_px),
        camera=SimCameraSettings(exposure_ms=10.0, interval_ms=20.0),
    )
