"""Writes a predictor as an ONNX file."""

import copy
import warnings
from pathlib import Path

import torch

from .model import PredictorModel

_OPSET = 17
"""Of ONNX. Chosen: the newest that the exporter writes without dynamo and all runtimes read."""


def export_predictor(model: PredictorModel, path: Path) -> None:
    """Write an ONNX file for any number of objects.

    Inputs and outputs are those of `PredictorModel.forward`: ``before`` (B, width) and
    ``sighting`` (B, 4) give ``after`` (B, width); ``now`` (B, width) and ``frames`` (B, 1)
    give ``outlook`` (B, 5). The two parts share no node, so that each can run alone.
    """
    inputs, outputs = ["before", "sighting", "now", "frames"], ["after", "outlook"]
    rows = torch.zeros(2, model.width)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            copy.deepcopy(model).cpu().eval(),
            (rows, torch.ones(2, 4), rows, torch.ones(2, 1)),
            path,
            dynamo=False,
            opset_version=_OPSET,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes={name: {0: "objects"} for name in (*inputs, *outputs)},
        )
