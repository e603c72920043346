"""Weights of ONNX files: stored in 16 bits, read back."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from .errors import ModelError

_LEAST_ELEMENTS = 256
"""Smaller tensors stay as they are. Chosen: biases, anchors, constants of shapes take no room."""


def store_float16(path: Path) -> None:
    """Store large weights as 16-bit floats; the network still computes with 32.

    Every such weight goes through a Cast, which runtimes carry out once, on loading.
    """
    model = onnx.load(str(path))
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _LEAST_ELEMENTS:
            continue
        wide, tensor_name = tensor.name, f"{tensor.name}.half"
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), tensor_name))
        casts.append(helper.make_node("Cast", [tensor_name], [wide], to=TensorProto.FLOAT))
    for position, cast in enumerate(casts):
        graph.node.insert(position, cast)
    onnx.save(model, str(path))


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read the weights of an ONNX file by their names; ModelError if it is not one."""
    try:
        model = onnx.load(str(path))
    except Exception as error:
        raise ModelError(
            f"the file {path} cannot be read as ONNX: {type(error).__name__}"
        ) from error
    weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    return {
        name.removesuffix(".half"): values.astype(np.float32)
        for name, values in weights.items()
        if values.dtype in (np.float16, np.float32)
    }
