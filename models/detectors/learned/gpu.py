"""From a raw image to boxes without leaving the GPU: contrast, size, network, suppression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...arrays import Image
from ...errors import DeviceError, ModelError
from ...runtimes import sentence

Head = Literal["yolo", "yolo-nms-free", "ssd"]
Network = Callable[[Tensor], Sequence[Tensor]]

MOST_CANDIDATES = 4096
"""Of more boxes than that the best are looked at, which bounds time and memory."""

_TYPES = {"uint8": torch.uint8, "uint16": torch.uint16}


@dataclass(frozen=True, slots=True)
class View:
    """How an image is shown to the network.

    Attributes
    ----------
    low, high : float
        Grey values that become 0 and 1; what is beyond is cut off.
    scale : float
        Pixels of the network's input for a pixel of the image.
    height, width : int
        Of the network's input, multiples of its stride; the image is in its upper left corner.
    fill : float
        What the rest of the input is filled with, 0 to 1.
    """

    low: float
    high: float
    scale: float
    height: int
    width: int
    fill: float = 0.0


class Boxes(NamedTuple):
    """What was found, best first.

    Attributes
    ----------
    boxes_px : (N, 4) float32
        Left, top, right, bottom in pixels of the image; the centre of the first is (0, 0).
    scores : (N,) float32
    classes : (N,) int32
    """

    boxes_px: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int32]


class GpuPipeline:
    """Shows raw images to a network and reads it on the same device.

    Grey values are stretched in float32 before anything else, so that 16 bit images lose
    nothing, whatever the network computes in. One object serves one thread.

    Parameters
    ----------
    network : callable
        Takes (1, channels, height, width) float32 on the device and returns the raw outputs,
        as ``run_tensors`` of the TensorRT and torch runtimes.
    head : {"yolo", "yolo-nms-free", "ssd"}
        How the outputs are read; see :class:`~..card.ModelCard`.
    channels : int
        Of the network's input; grey is repeated in each.
    device : str
        As torch calls it.
    """

    def __init__(self, network: Network, head: Head, channels: int, device: str = "cuda") -> None:
        self._network = network
        self._head: Head = head
        self._channels = channels
        self._device = torch.device(device)
        on_cuda = self._device.type == "cuda"
        self._stream: Any = torch.cuda.Stream(self._device) if on_cuda else None
        self._staging = torch.empty(0)

    def run(
        self, image: Image, view: View, least: NDArray[np.float32], iou: float, limit: int
    ) -> Boxes:
        """Find the objects in one image.

        Parameters
        ----------
        image : (H, W) uint8 or uint16
        view : View
        least : (classes,) float32
            Scores from which a box of a class counts.
        iou : float
            Boxes of one class that overlap more are one object; not for ``yolo-nms-free``.
        limit : int
            Most boxes to return.

        Raises
        ------
        ModelError
            If the image or the network's size does not fit.
        DeviceError
            If the device fails or runs out of memory.
        """
        if image.ndim != 2 or image.dtype.name not in _TYPES:
            raise ModelError(
                f"an image (height, width) of uint8 or uint16 is needed, not {image.shape} "
                f"of {image.dtype}"
            )
        stream = torch.cuda.stream(self._stream) if self._stream else nullcontext()
        try:
            with stream, torch.inference_mode():
                outputs = self._network(self._show(image, view))
                wanted = torch.from_numpy(least).to(self._device, non_blocking=True)
                rows = _read([output.float() for output in outputs], self._head, wanted)
                if self._head != "yolo-nms-free":
                    rows = rows[_survivors(rows, iou)]
                found = rows[:limit].cpu().numpy()
        except RuntimeError as error:  # torch.OutOfMemoryError among them
            raise DeviceError(f"{self._device} failed: {sentence(error)}") from error
        boxes = found[:, :4] / view.scale - 0.5
        return Boxes(boxes.astype(np.float32), found[:, 4], found[:, 5].astype(np.int32))

    def _show(self, image: Image, view: View) -> Tensor:
        grey = self._uploaded(image)[None, None].float()
        grey = grey.sub_(view.low).mul_(1 / (view.high - view.low)).clamp_(0, 1)
        if view.scale != 1:
            grey = functional.interpolate(
                grey, scale_factor=view.scale, mode="bilinear", antialias=view.scale < 1
            )
        grey = grey[..., : view.height, : view.width]
        size = (1, self._channels, view.height, view.width)
        shown = torch.full(size, view.fill, device=self._device)
        shown[..., : grey.shape[2], : grey.shape[3]] = grey
        return shown

    def _uploaded(self, image: Image) -> Tensor:
        """Copy to the device by way of memory that it can read by itself."""
        kind = _TYPES[image.dtype.name]
        if self._staging.shape != image.shape or self._staging.dtype != kind:
            pinned = self._stream is not None
            self._staging = torch.empty(image.shape, dtype=kind, pin_memory=pinned)
        np.copyto(self._staging.numpy(), image)
        return self._staging.to(self._device, non_blocking=True)


def _read(outputs: Sequence[Tensor], head: Head, least: Tensor) -> Tensor:
    """Boxes that count as rows of corners, score and class, (N, 6), best first."""
    if head == "yolo-nms-free":
        rows = outputs[0][0]
        boxes, scores, classes = rows[:, :4], rows[:, 4], rows[:, 5].long()
    elif head == "yolo":
        scores, classes = outputs[0][0, 4:].max(0)
        middle, half = outputs[0][0, :2].T, outputs[0][0, 2:4].T / 2
        boxes = torch.cat([middle - half, middle + half], 1)
    else:
        boxes = outputs[0][0]
        scores, classes = outputs[1][0].max(1)
    known = (classes >= 0) & (classes < len(least))
    counts = known & (scores >= least[classes.clamp(0, len(least) - 1)])
    rows = torch.cat([boxes, scores[:, None], classes[:, None].float()], 1)[counts]
    return rows[rows[:, 4].argsort(descending=True, stable=True)[:MOST_CANDIDATES]]


def _survivors(rows: Tensor, iou: float) -> Tensor:
    """Mark what greedy suppression within each class keeps of rows, best first, (N,) bool.

    A box stays if no better box that stays overlaps it. Starting from all and applying that
    again settles the best box first, then those below it: soon nothing changes.
    """
    boxes, classes = rows[:, :4], rows[:, 5]
    sides = (
        torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
        .sub_(torch.maximum(boxes[:, None, :2], boxes[None, :, :2]))
        .clamp_(min=0)
    )
    both = sides[..., 0] * sides[..., 1]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    rivals = both > iou * (area[:, None] + area - both)
    rivals &= classes[:, None] == classes
    rivals = rivals.triu_(1)
    kept = torch.ones_like(classes, dtype=torch.bool)
    while True:
        settled = ~(rivals & kept[:, None]).any(0)
        if torch.equal(settled, kept):
            return kept
        kept = settled
