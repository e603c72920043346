"""The single-shot detector as an architecture: its loss, its ONNX file."""

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..onnx_export import export_onnx
from .batch import Batch
from .ssd_loss import ssd_loss
from .ssd_model import STRIDE, Conv, SsdModel


class Ssd:
    """The single-shot detector of `ssd_model`."""

    name = "ssd"
    head = "ssd"
    licence = "BSD-3-Clause"
    learning_rate = 3e-3

    def new(self, classes: int) -> SsdModel:
        """Make a network with fresh weights."""
        return SsdModel(classes)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the loss of a batch, one number."""
        assert isinstance(model, SsdModel)
        return ssd_loss(model.answers(batch.images), batch)

    def export(self, model: nn.Module, path: Path, classes: Sequence[str], tile_px: int) -> None:
        """Write an ONNX file for any height and width.

        Input ``images`` (1, 1, H, W); outputs ``boxes`` (1, N, 4) and ``scores``
        (1, N, classes), as ``SsdModel.forward`` gives them.
        """
        example = torch.zeros(1, 1, tile_px, tile_px + STRIDE)
        outputs = ["boxes", "scores"]
        free = {"images": {2: "height", 3: "width"}, **{name: {1: "count"} for name in outputs}}
        export_onnx(_folded(model), (example,), path, ["images"], outputs, free)


def _folded(model: nn.Module) -> nn.Module:
    """Return a copy for use only, its batch norms folded into the convolutions."""
    copied = copy.deepcopy(model).cpu().float().eval()
    for part in copied.modules():
        if isinstance(part, Conv):
            conv, norm = part[0], part[1]
            assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
            part[0], part[1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
    return copied
