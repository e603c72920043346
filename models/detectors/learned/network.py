"""A network applied to a region of an image: contrast and scale in, boxes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...arrays import Image
from ...card import ModelCard
from ...errors import DeviceError
from ...images import Levels, Scratch
from ...runtimes import Runtime, TensorRuntime
from .decoding import ScoredBoxes, Thresholds, decode
from .metadata import ModelInfo
from .scale import Grid, Region, render
from .tiles import placed

if TYPE_CHECKING:
    from .gpu import GpuPipeline


class Network:
    """A model on a runtime; should its device fail, on the CPU from then on.

    Keeps arrays between images, so one object serves one thread.

    Parameters
    ----------
    on_cpu : callable
        Opens the model on the CPU.

    Attributes
    ----------
    has_object_size : bool
        Whether the size of objects in the card is measured rather than a guess.
    runtime : Runtime
        The one in use.
    notes : list of str
        What a user should know, in the order in which it came up.
    """

    def __init__(self, info: ModelInfo, runtime: Runtime, on_cpu: Callable[[], Runtime]) -> None:
        self.card, self.has_object_size, self.runtime = info.card, info.has_object_size, runtime
        self.notes = [info.note] if info.note else []
        self._on_cpu: Callable[[], Runtime] | None = on_cpu
        self._scratch = Scratch()
        self._pipeline = _pipeline(runtime, info.card)

    @property
    def fixed_cells(self) -> tuple[int, int] | None:
        """Rows and columns of cells that the model was exported for, none if any."""
        height, width = self.runtime.inputs[0].shape[2:]
        if height < 1 or width < 1:
            return None
        return height // self.card.stride, width // self.card.stride

    def find(
        self, image: Image, grid: Grid, region: Region, levels: Levels, thresholds: Thresholds
    ) -> ScoredBoxes:
        """Find objects in a region; boxes in network pixels of the field.

        Raises
        ------
        DeviceError
            If the network cannot be run, on the CPU neither.
        """
        try:
            found = self._find(image, grid, region, levels, thresholds)
        except DeviceError as error:
            self._move_to_cpu(error)
            found = self._find(image, grid, region, levels, thresholds)
        return placed(found, grid, region)

    def warm_up(self, rows: int, cols: int) -> None:
        """Prepare for regions of that many cells."""
        self.runtime.warm_up(rows * self.card.stride, cols * self.card.stride)

    def _find(
        self, image: Image, grid: Grid, region: Region, levels: Levels, thresholds: Thresholds
    ) -> ScoredBoxes:
        """Find objects in a region; boxes in network pixels of the region."""
        size = region.rows * grid.stride, region.cols * grid.stride
        if self._pipeline is not None:
            part, scale = grid.part(image, region), grid.stride / grid.cell_px
            return self._pipeline.run(part, levels, scale, size, thresholds)
        shape = (1, self.card.channels, *size)
        pixels = self._scratch.take(f"pixels {shape}", shape)
        render(image, grid, region, levels, pixels, self._scratch)
        return decode(self.runtime.run(pixels), self.card.head, thresholds, size)

    def _move_to_cpu(self, error: DeviceError) -> None:
        """Go on without the device that failed."""
        if self._on_cpu is None:
            raise error
        failed, self.runtime, self._on_cpu = self.runtime, self._on_cpu(), None
        self._pipeline = _pipeline(self.runtime, self.card)
        failed.close()
        self.notes.append(f"detecting on {self.runtime.device} from now on: {error}")


def _pipeline(runtime: Runtime, card: ModelCard) -> GpuPipeline | None:
    """Return what does all the work on the device of a runtime that takes tensors."""
    if not isinstance(runtime, TensorRuntime) or card.head in ("yolo-objectness", "rt-detr"):
        return None
    from .gpu import GpuPipeline

    return GpuPipeline(runtime, card.head, card.channels)
