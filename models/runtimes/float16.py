"""Rewrites an ONNX network to 16 bit floats, all but the last steps, which give positions."""

from collections.abc import Iterable, Iterator

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

_HEAVY = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
"""Operations that take nearly all of the time."""

_FULL_ONLY = {"Range"}
"""Operations that the ONNX standard does not define for 16 bits."""

_FULL_INPUTS = {"Resize": (1, 2)}
"""Inputs that the ONNX standard wants in 32 bits."""

_ANY_TYPE = {"Shape", "Size"}
"""Operations to which the type of their input makes no difference."""


def to_float16(model: bytes) -> bytes:
    """Compute everything up to the last convolutions and products in float16.

    What comes after them turns distances into positions and stays in float32: from 1024 pixels
    on, float16 tells whole pixels only. Inputs and outputs stay as they are.

    Parameters
    ----------
    model : bytes
        A serialised ONNX model in float32.
    """
    proto = onnx.shape_inference.infer_shapes(onnx.load_from_string(model))
    _Rewriter(proto.graph).rewrite()
    return proto.SerializeToString()


class _Rewriter:
    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._weights = {tensor.name: tensor for tensor in graph.initializer}
        self._floats = set(_floats(graph))
        self._halves: set[str] = set()
        self._cast: dict[str, str] = {}
        self._nodes: list[NodeProto] = []

    def rewrite(self) -> None:
        """Rewrite the graph in place."""
        early = _before_last_heavy(self._graph.node)
        for position, node in enumerate(self._graph.node):
            to_half = (
                position in early
                and node.op_type not in _FULL_ONLY
                and any(name in self._floats for name in node.output)
            )
            self._feed(node, to_half)
            self._nodes.append(node)
            if to_half:
                _retype(node)
                self._halves.update(name for name in node.output if name in self._floats)
        for output in self._graph.output:
            self._restore(output.name)
        self._replace()

    def _feed(self, node: NodeProto, to_half: bool) -> None:
        for place, name in enumerate(node.input):
            if name not in self._floats or node.op_type in _ANY_TYPE:
                continue
            half = to_half and place not in _FULL_INPUTS.get(node.op_type, ())
            if half != (name in self._halves) and not (half and node.op_type == "Cast"):
                node.input[place] = self._converted(name, half)

    def _converted(self, name: str, half: bool) -> str:
        """Name of the same tensor in the other precision."""
        if name not in self._cast:
            other = self._cast[name] = f"{name}__{'half' if half else 'full'}"
            if name in self._weights:
                values = numpy_helper.to_array(self._weights[name])
                most = np.finfo(np.float16).max
                values = np.clip(values, -most, most).astype(np.float16)
                self._graph.initializer.append(numpy_helper.from_array(values, other))
            else:
                kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
                self._nodes.append(helper.make_node("Cast", [name], [other], to=kind))
        return self._cast[name]

    def _restore(self, output: str) -> None:
        """Give an output that was computed in 16 bits its 32 bits and its name back."""
        if output not in self._halves:
            return
        inner = f"{output}__inner"
        for node in self._nodes:
            for names in (node.input, node.output):
                for place, name in enumerate(names):
                    if name == output:
                        names[place] = inner
        self._nodes.append(helper.make_node("Cast", [inner], [output], to=TensorProto.FLOAT))

    def _replace(self) -> None:
        used = {name for node in self._nodes for name in node.input}
        weights = [tensor for tensor in self._graph.initializer if tensor.name in used]
        for field, content in (("node", self._nodes), ("initializer", weights), ("value_info", [])):
            self._graph.ClearField(field)
            getattr(self._graph, field).extend(content)


def _floats(graph: onnx.GraphProto) -> Iterator[str]:
    """Names of all tensors of 32 bit floats."""
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            yield tensor.name
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            yield value.name


def _before_last_heavy(nodes: Iterable[NodeProto]) -> set[int]:
    """Positions of the nodes that are heavy or feed one that is."""
    feeding: set[str] = set()
    early: set[int] = set()
    for position, node in reversed(list(enumerate(nodes))):
        if node.op_type in _HEAVY or feeding.intersection(node.output):
            early.add(position)
            feeding.update(node.input)
    return early


def _retype(node: NodeProto) -> None:
    """Make a node that names its type produce 16 bits."""
    for attribute in node.attribute:
        if node.op_type == "Cast" and attribute.name == "to":
            attribute.i = TensorProto.FLOAT16
        if attribute.name == "value" and attribute.t.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(attribute.t).astype(np.float16)
            attribute.t.CopyFrom(numpy_helper.from_array(values))
