"""Images and objects of one step of training, made in a thread of their own."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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

    def to(self, device: torch.device) -> "Batch":
        """Copy to a device, the channels of a pixel side by side."""
        return Batch(
            self.images.to(device).contiguous(memory_format=torch.channels_last),
            [b.to(device) for b in self.boxes],
            [c.to(device) for c in self.classes],
        )


@contextmanager
def batches(tiles: Augmented, size: int) -> Iterator[Iterator[Batch]]:
    """Make batches in a thread of their own, for as long as the context lasts."""
    made: queue.Queue[Batch | BaseException] = queue.Queue(_AHEAD)
    ended = threading.Event()

    def make() -> None:
        while not ended.is_set():
            try:
                item: Batch | BaseException = Batch.of(tiles, size)
            except BaseException as error:
                item = error
            while not ended.is_set():
                try:
                    made.put(item, timeout=0.2)
                    break
                except queue.Full:
                    continue

    def take() -> Iterator[Batch]:
        while True:
            item = made.get()
            if isinstance(item, BaseException):
                raise item
            yield item

    maker = threading.Thread(target=make, name="batches", daemon=True)
    maker.start()
    try:
        yield take()
    finally:
        ended.set()
        maker.join()
