"""Writes a network as an ONNX file."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

_OPSET = 17
"""Of ONNX. Chosen: the newest that the exporter writes without dynamo and all runtimes read."""


def export_onnx(
    model: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    free: dict[str, dict[int, str]] | None = None,
) -> None:
    """Write a network; ``free`` names, of inputs and outputs, the axes of any length."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model,
            example,
            str(path),
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=free,
            opset_version=_OPSET,
            dynamo=False,
        )
