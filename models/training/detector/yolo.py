"""YOLO of ultralytics' families 8, 11 and 26: trained and exported with their package."""

import copy
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

os.environ.setdefault("YOLO_CONFIG_DIR", str(Path(tempfile.gettempdir()) / "pursuit-ultralytics"))
os.environ.setdefault("YOLO_OFFLINE", "true")

import onnx
from ultralytics.cfg import get_cfg
from ultralytics.nn.tasks import DetectionModel, yaml_model_load
from ultralytics.utils import LOGGER

from ...errors import ModelError
from ..onnx_export import export_onnx
from .batch import Batch

LOGGER.setLevel("WARNING")


class Yolo:
    """One of ultralytics' detectors, for one channel.

    The head has many boxes for one object, to be suppressed: in short trainings it learns
    faster than the one without suppression, and gives the backbone all of its gradient.
    """

    head = "yolo"
    licence = "AGPL-3.0 (trained with ultralytics)"
    learning_rate = 1.5e-3

    def __init__(self, name: str) -> None:
        self.name = name
        try:
            self._plan = yaml_model_load(f"{name}.yaml")
        except FileNotFoundError as error:
            raise ModelError(
                f"there is no architecture {name!r}: use ssd, or one of ultralytics' families 8, "
                "11 and 26, such as yolo26n"
            ) from error

    def new(self, classes: int) -> DetectionModel:
        """Make a network with fresh weights."""
        plan: Any = copy.deepcopy(self._plan) | {"end2end": False}
        model: Any = DetectionModel(plan, ch=1, nc=classes, verbose=False)
        model.args = get_cfg()
        return model

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the loss of a batch, one number."""
        losses, _ = model.loss(_as_ultralytics(batch))  # type: ignore[operator]
        return losses.sum() / len(batch.images)

    def export(self, model: nn.Module, path: Path, classes: Sequence[str], tile_px: int) -> None:
        """Write an ONNX file for any height and width, which ultralytics can read too."""
        copied: Any = copy.deepcopy(model).cpu().float().eval()
        copied.criterion = None
        fused = copied.fuse(verbose=False)
        head = fused.model[-1]
        head.export, head.dynamic, head.format = True, True, "onnx"
        example = torch.zeros(1, 1, tile_px, tile_px)
        free = {"images": {2: "height", 3: "width"}, "output0": {2: "places"}}
        with torch.no_grad():
            export_onnx(fused, (example,), path, ["images"], ["output0"], free)
        written = onnx.load(str(path))
        written.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 4 + len(classes)
        for key, value in _metadata(fused, classes, tile_px).items():
            written.metadata_props.add(key=key, value=value)
        onnx.save(written, str(path))


def _as_ultralytics(batch: Batch) -> dict[str, Tensor]:
    """Boxes in one list with the index of their picture, as centre and size in shares of it."""
    boxes = torch.cat(batch.boxes)
    size = batch.images.shape[-1]
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return {
        "img": batch.images,
        "cls": torch.cat(batch.classes).float()[:, None],
        "bboxes": torch.cat((centres, sides), dim=1) / size,
        "batch_idx": batch.pictures.float(),
    }


def _metadata(model: Any, classes: Sequence[str], tile_px: int) -> dict[str, str]:
    return {
        "task": "detect",
        "stride": str(int(max(model.stride))),
        "batch": "1",
        "imgsz": json.dumps([tile_px, tile_px]),
        "channels": "1",
        "names": repr(dict(enumerate(classes))),
        "end2end": str(bool(getattr(model, "end2end", False))),
        "args": repr({"dynamic": True}),
    }
