"""Images and objects of one step of training, made in a thread of their own."""

from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Self

import numpy as np
import torch
from torch import Tensor

from ...datasets import Augmented

_AHEAD = 3
"""Batches made in advance. Chosen: enough to level out tiles that take long."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Pictures of one size with their objects.

    Attributes
    ----------
    images : (B, 1, S, S) float32
        From 0 to 1; S is a multiple of 32.
    boxes : list of B tensors (n_i, 4) float32
        Left, top, right, bottom in pixels; 0 is the left (top) edge of the picture.
    classes : list of B tensors (n_i,) int64
        Index of the class of every box.
    """

    images: Tensor
    boxes: list[Tensor]
    classes: list[Tensor]

    @classmethod
    def of(cls, tiles: Augmented, count: int) -> Self:
        """Make the next ``count`` tiles into a batch."""
        greys, boxes, classes = zip(*islice(tiles, count), strict=True)
        images = torch.from_numpy(np.stack(greys)[:, None])
        return cls(
            images, [torch.from_numpy(b) for b in boxes], [torch.from_numpy(c) for c in classes]
        )

    @property
    def pictures(self) -> Tensor:
        """Index of the picture of every object."""
        counts = torch.tensor([len(boxes) for boxes in self.boxes])
        return torch.repeat_interleave(torch.arange(len(counts)), counts).to(self.images.device)

    def to(self, device: torch.device) -> "Batch":
        """Copy to a device, the channels of a pixel side by side."""
        return Batch(
            self.images.to(device).contiguous(memory_format=torch.channels_last),
            [b.to(device) for b in self.boxes],
            [c.to(device) for c in self.classes],
        )


def batches(tiles: Augmented, size: int) -> Generator[Batch, None, None]:
    """Make batches, some of them in advance, in a thread that ends with the iterator."""
    maker = ThreadPoolExecutor(1, "batches")
    ahead = deque(maker.submit(Batch.of, tiles, size) for _ in range(_AHEAD))
    try:
        while True:
            ahead.append(maker.submit(Batch.of, tiles, size))
            yield ahead.popleft().result()
    finally:
        maker.shutdown(cancel_futures=True)
