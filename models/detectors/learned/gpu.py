"""From a raw image to boxes without leaving the GPU: contrast, scale, network, suppression."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...arrays import Image
from ...errors import DeviceError, ModelError
from ...images import Levels
from ...runtimes import TensorRuntime, sentence
from ...torch_boxes import shared_and_joint_areas
from .decoding import MOST_CANDIDATES, ScoredBoxes, Thresholds
from .heads import Head

_TYPES = {"uint8": torch.uint8, "uint16": torch.uint16}
"""Of camera images, by the names that NumPy gives them."""


class GpuPipeline:
    """Runs a network on raw images and reads its outputs on the same device.

    Grey values are stretched in float32 before anything else, so that 16 bit images lose
    nothing, whatever the network computes in. One object serves one thread.

    Parameters
    ----------
    runtime : TensorRuntime
        Of the network.
    head : {"yolo", "yolo-nms-free", "ssd"}
        How the outputs are read; see :class:`~..card.ModelCard`.
    channels : int
        Of the network's input; grey is repeated in each.
    """

    def __init__(self, runtime: TensorRuntime, head: Head, channels: int) -> None:
        self._run = runtime.run_tensors
        self._head: Head = head
        self._channels = channels
        self._device = torch.device(runtime.tensor_device)
        on_cuda = self._device.type == "cuda"
        self._stream: Any = torch.cuda.Stream(self._device) if on_cuda else None
        self._staging = torch.empty(0)

    def run(
        self,
        image: Image,
        levels: Levels,
        scale: float,
        size: tuple[int, int],
        thresholds: Thresholds,
    ) -> ScoredBoxes:
        """Find the objects in one image, (H, W) uint8 or uint16; boxes in pixels of the input.

        Parameters
        ----------
        scale : float
            Pixels of the input for a pixel of the image.
        size : (height, width)
            Of the input, multiples of its stride. The image is in its upper left corner, the
            rest is filled with ``levels.middle``.

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
                outputs = self._run(self._input(image, levels, scale, size))
                least = torch.from_numpy(thresholds.scores).to(self._device, non_blocking=True)
                rows = _read([output.float() for output in outputs], self._head, least)
                if self._head != "yolo-nms-free":
                    rows = rows[_survivors(rows, thresholds.iou)]
                found: NDArray[np.float32] = rows[: thresholds.most].cpu().numpy()
        except RuntimeError as error:  # torch.OutOfMemoryError among them
            raise DeviceError(f"the device {self._device} failed: {sentence(error)}") from error
        return ScoredBoxes(found[:, :4], found[:, 4], found[:, 5].astype(np.int32))

    def _input(self, image: Image, levels: Levels, scale: float, size: tuple[int, int]) -> Tensor:
        grey = self._uploaded(image)[None, None].float()
        grey = grey.sub_(levels.low).mul_(1 / (levels.high - levels.low)).clamp_(0, 1)
        if scale != 1:
            grey = functional.interpolate(
                grey, scale_factor=scale, mode="bilinear", antialias=scale < 1
            )
        grey = grey[..., : size[0], : size[1]]
        pixels = torch.full((1, self._channels, *size), levels.middle, device=self._device)
        pixels[..., : grey.shape[2], : grey.shape[3]] = grey
        return pixels

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
    shared, joint = shared_and_joint_areas(boxes[:, None], boxes[None])
    rivals = (shared > iou * joint) & (classes[:, None] == classes)
    rivals = rivals.triu_(1)
    kept = torch.ones_like(classes, dtype=torch.bool)
    while True:
        settled = ~(rivals & kept[:, None]).any(0)
        if torch.equal(settled, kept):
            return kept
        kept = settled
