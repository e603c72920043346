"""Runs the graph of an ONNX file with torch's operations, step by step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper

from .files import damaged, not_understood
from .onnx_operations import OPERATIONS
from .runtime import Tensor

OLDEST_OPSET, NEWEST_OPSET = 13, 22
"""Between these the operations used here mean the same."""
_KINDS = {number: name.lower() for name, number in onnx.TensorProto.DataType.items()}
"""Names of the types of numbers."""


@dataclass(frozen=True, slots=True)
class _Step:
    operation: Callable[..., Any]
    attributes: dict[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    last_used: tuple[str, ...]


class OnnxGraph:
    """A network as a list of steps.

    Floats are on the device; whole numbers, which are shapes and indices, on the CPU until they
    are combined with floats.

    Raises
    ------
    ModelError
        If the file is damaged or has operations that are not known here.
    """

    def __init__(self, path: Path, device: torch.device) -> None:
        try:
            model = onnx.load(path)
        except DecodeError as error:
            raise damaged(path) from error
        _check(path, model)
        graph = model.graph
        self._device = device
        self._weights = {
            tensor.name: self._placed(torch.from_numpy(numpy_helper.to_array(tensor).copy()))
            for tensor in graph.initializer
        }
        inputs = [value for value in graph.input if value.name not in self._weights]
        self.inputs, self.outputs = _tensors(inputs), _tensors(graph.output)
        kinds = [_KINDS.get(value.type.tensor_type.elem_type, "?") for value in inputs]
        self.kind = "".join(kinds[:1])
        self._steps = _steps(graph)

    def __call__(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """Compute all outputs."""
        values = {**self._weights, self.inputs[0].name: pixels, "": None}
        for step in self._steps:
            results = step.operation(step.attributes, *(values[name] for name in step.inputs))
            results = results if isinstance(results, (tuple, list)) else (results,)
            values.update(zip(step.outputs, map(self._placed, results), strict=False))
            for name in step.last_used:
                del values[name]
        found = [values[output.name] for output in self.outputs]
        return [value.float() for value in found if value is not None]

    def _placed(self, value: torch.Tensor) -> torch.Tensor:
        return value.to(self._device) if value.is_floating_point() else value


def _check(path: Path, model: onnx.ModelProto) -> None:
    opset = next((entry.version for entry in model.opset_import if not entry.domain), 0)
    if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        known = f"{OLDEST_OPSET} to {NEWEST_OPSET}"
        raise not_understood(path, "torch", f"its opset is {opset}, known are {known}")
    used = {f"{node.domain}.{node.op_type}".lstrip(".") for node in model.graph.node}
    if unknown := sorted(used - set(OPERATIONS)):
        raise not_understood(path, "torch", f"it has the operations {', '.join(unknown)}")


def _steps(graph: onnx.GraphProto) -> list[_Step]:
    keep = {value.name for value in graph.output} | {tensor.name for tensor in graph.initializer}
    keep.add("")
    steps: list[_Step] = []
    for node in reversed(graph.node):
        names = dict.fromkeys((*node.input, *node.output))
        last_used = tuple(name for name in names if name not in keep)
        keep.update(last_used)
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        operation = OPERATIONS[node.op_type]
        steps.append(_Step(operation, attributes, tuple(node.input), tuple(node.output), last_used))
    return steps[::-1]


def _tensors(values: Sequence[onnx.ValueInfoProto]) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(
            value.name,
            tuple(
                size.dim_value if size.HasField("dim_value") else -1
                for size in value.type.tensor_type.shape.dim
            ),
        )
        for value in values
    )
