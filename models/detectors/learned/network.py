"""A network looks at a region of an image: contrast and scale in, boxes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...arrays import Image
from ...card import ModelCard
from ...errors import DeviceError
from ...images import Levels, Scratch
from ...runtimes import Runtime
from .heads import Found, decode
from .metadata import ModelInfo
from .scale import Grid, Region, render
from .tiles import placed


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """What counts as found.

    Attributes
    ----------
    least : (classes,) float32
        Scores from which a box of a class counts.
    iou : float
        Boxes of one class that overlap more are one object.
    limit : int
        Most boxes of a region.
    """

    least: NDArray[np.float32]
    iou: float
    limit: int


class Network:
    """A model on a runtime; should its device fail, on the CPU from then on.

    Keeps arrays between images, so one object serves one thread.

    Parameters
    ----------
    info : ModelInfo
        What is known of the model.
    runtime : Runtime
    on_cpu : callable
        Opens the model on the CPU.

    Attributes
    ----------
    card : ModelCard
    runtime : Runtime
        The one in use.
    notes : list of str
        What a user should know, in the order in which it came up.
    """

    def __init__(self, info: ModelInfo, runtime: Runtime, on_cpu: Callable[[], Runtime]) -> None:
        self.card, self.runtime = info.card, runtime
        self.notes = [info.note] if info.note else []
        self._on_cpu: Callable[[], Runtime] | None = on_cpu
        self._scratch = Scratch()
        self._pipeline = _pipeline(runtime, card=info.card)

    @property
    def fixed_cells(self) -> tuple[int, int] | None:
        """Rows and columns of cells that the model was exported for, none if any."""
        height, width = self.runtime.inputs[0].shape[2:]
        if height < 1 or width < 1:
            return None
        return height // self.card.stride, width // self.card.stride

    def look(
        self,
        image: Image,
        grid: Grid,
        region: Region,
        levels: Levels,
        wanted: Wanted,
    ) -> Found:
        """Find objects in a region; boxes in network pixels of the field.

        Raises
        ------
        DeviceError
            If the network cannot be run, on the CPU neither.
        """
        try:
            found = self._look(image, grid, region, levels, wanted)
        except DeviceError as error:
            self._move_to_cpu(error)
            found = self._look(image, grid, region, levels, wanted)
        return placed(found, grid, region)

    def warm_up(self, rows: int, cols: int) -> None:
        """Prepare for regions of that many cells."""
        self.runtime.warm_up(rows * self.card.stride, cols * self.card.stride)

    def _look(
        self, image: Image, grid: Grid, region: Region, levels: Levels, wanted: Wanted
    ) -> Found:
        """Find objects in a region; boxes in network pixels of the region."""
        if self._pipeline is not None:
            return self._pipeline(image, grid, region, levels, wanted)
        stride = grid.stride
        shape = (1, self.card.channels, region.rows * stride, region.cols * stride)
        pixels = self._scratch.take(f"pixels {shape}", shape)
        render(image, grid, region, levels, pixels, self._scratch)
        outputs = self.runtime.run(pixels)
        return decode(outputs, self.card.head, wanted.least, wanted.iou, wanted.limit)

    def _move_to_cpu(self, error: DeviceError) -> None:
        """Go on without the device that failed."""
        if self._on_cpu is None:
            raise error
        failed, self.runtime, self._on_cpu = self.runtime, self._on_cpu(), None
        self._pipeline = _pipeline(self.runtime, self.card)
        failed.close()
        self.notes.append(f"detecting on {self.runtime.device} from now on: {error}")


Pipeline = Callable[[Image, Grid, Region, Levels, Wanted], Found]


def _pipeline(runtime: Runtime, card: ModelCard) -> Pipeline | None:
    """Return how a runtime that works on tensors looks at a region, boxes alone coming back."""
    run_tensors = getattr(runtime, "run_tensors", None)
    if run_tensors is None:
        return None
    from .gpu import GpuPipeline, View

    pipeline = GpuPipeline(run_tensors, card.head, card.channels, runtime.tensor_device)  # type: ignore[attr-defined]

    def look(image: Image, grid: Grid, region: Region, levels: Levels, wanted: Wanted) -> Found:
        cell, scale = grid.cell_px, grid.stride / grid.cell_px
        top, left = region.top * cell, region.left * cell
        source = image[top : top + region.rows * cell, left : left + region.cols * cell]
        size = region.rows * grid.stride, region.cols * grid.stride
        view = View(levels.low, levels.high, scale, *size, levels.middle)
        found = pipeline.run(source, view, wanted.least, wanted.iou, wanted.limit)
        return Found((found.boxes_px + np.float32(0.5)) * scale, found.scores, found.classes)

    return look
