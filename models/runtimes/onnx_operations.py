"""ONNX operations in torch: those of convolutional detectors."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from onnx import TensorProto, numpy_helper
from torch import Tensor
from torch.nn import functional

Attributes = Mapping[str, Any]
Operation = Callable[..., Any]

_TYPES = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.DOUBLE: torch.float32,
    TensorProto.INT32: torch.int32,
    TensorProto.INT64: torch.int64,
    TensorProto.BOOL: torch.bool,
}
"""Types of ONNX in torch; double is not needed, and not known to all devices."""


def _together(*values: Tensor) -> list[Tensor]:
    """Bring values to one device: that of the first which is not on the CPU."""
    device = next((value.device for value in values if value.device.type != "cpu"), None)
    return [value if device is None else value.to(device) for value in values]


def _pairwise(function: Operation) -> Operation:
    return lambda _, *values: function(*_together(*values))


def _single(function: Operation) -> Operation:
    return lambda _, value: function(value)


def _padded(x: Tensor, at: Attributes, value: float = 0.0) -> Tensor:
    pads = list(at.get("pads", (0, 0, 0, 0)))
    if not any(pads):
        return x
    top, left, bottom, right = pads
    return functional.pad(x, (left, right, top, bottom), value=value)


def _conv(at: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    strides, dilations = at.get("strides", 1), at.get("dilations", 1)
    return functional.conv2d(
        _padded(x, at), weight, bias, strides, 0, dilations, at.get("group", 1)
    )


def _max_pool(at: Attributes, x: Tensor) -> Tensor:
    lowest = torch.finfo(x.dtype).min
    size, steps, up = at["kernel_shape"], at.get("strides", 1), bool(at.get("ceil_mode"))
    return functional.max_pool2d(_padded(x, at, lowest), size, steps, ceil_mode=up)


def _batch_norm(at: Attributes, x: Tensor, *values: Tensor) -> Tensor:
    scale, bias, mean, variance = values
    return functional.batch_norm(x, mean, variance, scale, bias, eps=at.get("epsilon", 1e-5))


def _gemm(at: Attributes, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    a = a.T if at.get("transA") else a
    b = b.T if at.get("transB") else b
    product = at.get("alpha", 1.0) * (a @ b)
    return product if c is None else product + at.get("beta", 1.0) * c


def _divide(_: Attributes, a: Tensor, b: Tensor) -> Tensor:
    a, b = _together(a, b)
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def _clip(_: Attributes, x: Tensor, low: Tensor | None = None, high: Tensor | None = None):
    return torch.clamp(
        x, None if low is None else low.item(), None if high is None else high.item()
    )


def _reshape(at: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    sizes = shape.tolist()
    if not at.get("allowzero"):
        sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return x.reshape(sizes)


def _unsqueeze(_: Attributes, x: Tensor, axes: Tensor) -> Tensor:
    rank = x.ndim + axes.numel()
    for axis in sorted(axis % rank for axis in axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def _squeeze(_: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(tuple(axes.tolist()))


def _flatten(at: Attributes, x: Tensor) -> Tensor:
    axis = at.get("axis", 1)
    return x.reshape(int(torch.Size(x.shape[:axis]).numel()), -1)


def _gather(at: Attributes, x: Tensor, index: Tensor) -> Tensor:
    axis = at.get("axis", 0)
    x, index = _together(x, index.long())
    picked = x.index_select(axis, index.reshape(-1) % x.shape[axis])
    axis %= x.ndim
    return picked.reshape([*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]])


def _gather_elements(at: Attributes, x: Tensor, index: Tensor) -> Tensor:
    axis = at.get("axis", 0)
    x, index = _together(x, index.long())
    return x.gather(axis, index % x.shape[axis])


def _split(at: Attributes, x: Tensor, sizes: Tensor | None = None):
    axis = at.get("axis", 0)
    if sizes is not None:
        return x.split(sizes.tolist(), axis)
    return x.chunk(at.get("num_outputs", 2), axis)


def _slice(_: Attributes, x: Tensor, starts: Tensor, ends: Tensor, *more: Tensor | None) -> Tensor:
    axes = more[0].tolist() if more and more[0] is not None else range(len(starts))
    steps = more[1].tolist() if len(more) > 1 and more[1] is not None else [1] * len(starts)
    for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes, steps, strict=True):
        size = x.shape[axis]
        x = _gather({"axis": axis}, x, torch.tensor(range(size)[start:end:step]))
    return x


def _resize(at: Attributes, x: Tensor, *more: Tensor | None) -> Tensor:
    _, scales, sizes = (*more, None, None)[:3]
    if sizes is not None:
        wanted = sizes.tolist()[2:]
    else:
        assert scales is not None
        wanted = [int(a * b) for a, b in zip(x.shape[2:], scales.tolist()[2:], strict=True)]
    if at.get("mode", b"nearest") == b"nearest":
        return functional.interpolate(x, wanted, mode="nearest")
    align = at.get("coordinate_transformation_mode") == b"align_corners"
    return functional.interpolate(x, wanted, mode="bilinear", align_corners=align)


def _reduce(function: Operation) -> Operation:
    def reduced(at: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
        given = at.get("axes") if axes is None else axes.tolist()
        over = tuple(range(x.ndim)) if given is None else tuple(given)
        return function(x, over, bool(at.get("keepdims", 1)))

    return reduced


def _top_k(at: Attributes, x: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    largest = bool(at.get("largest", 1))
    return torch.topk(x, int(k.item()), at.get("axis", -1), largest)


def _filled(at: Attributes, shape: Tensor) -> Tensor:
    value = numpy_helper.to_array(at["value"]).copy() if "value" in at else [0.0]
    return torch.as_tensor(value).reshape(1).expand(shape.tolist()).clone()


def _constant(at: Attributes) -> Tensor:
    if "value" in at:
        return torch.from_numpy(numpy_helper.to_array(at["value"]).copy())
    (value,) = at.values()
    return torch.tensor(value)


def _global_mean(_: Attributes, x: Tensor) -> Tensor:
    return x.mean((2, 3), keepdim=True)


OPERATIONS: dict[str, Operation] = {
    "Add": _pairwise(torch.add),
    "BatchNormalization": _batch_norm,
    "Cast": lambda at, x: x.to(_TYPES[at["to"]]),
    "Clip": _clip,
    "Concat": lambda at, *parts: torch.cat(_together(*parts), at["axis"]),
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Conv": _conv,
    "Div": _divide,
    "Equal": _pairwise(torch.eq),
    "Exp": _single(torch.exp),
    "Expand": lambda _, x, shape: x * torch.ones(shape.tolist(), dtype=x.dtype, device=x.device),
    "Flatten": _flatten,
    "Floor": _single(torch.floor),
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_mean,
    "HardSigmoid": lambda at, x: (x * at.get("alpha", 0.2) + at.get("beta", 0.5)).clamp(0, 1),
    "HardSwish": _single(functional.hardswish),
    "Identity": _single(lambda x: x),
    "LeakyRelu": lambda at, x: functional.leaky_relu(x, at.get("alpha", 0.01)),
    "MatMul": _pairwise(torch.matmul),
    "Max": _pairwise(torch.maximum),
    "MaxPool": _max_pool,
    "Min": _pairwise(torch.minimum),
    "Mod": _pairwise(torch.remainder),
    "Mul": _pairwise(torch.mul),
    "Neg": _single(torch.neg),
    "Pow": _pairwise(torch.pow),
    "Range": lambda _, start, end, step: torch.arange(start.item(), end.item(), step.item()),
    "ReduceMax": _reduce(torch.amax),
    "ReduceMean": _reduce(torch.mean),
    "ReduceSum": _reduce(torch.sum),
    "Relu": _single(torch.relu),
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": lambda at, x: torch.tensor(x.shape[at.get("start", 0) : at.get("end")]),
    "Sigmoid": _single(torch.sigmoid),
    "Slice": _slice,
    "Softmax": lambda at, x: torch.softmax(x, at.get("axis", -1)),
    "Split": _split,
    "Sqrt": _single(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": _pairwise(torch.sub),
    "Tanh": _single(torch.tanh),
    "Tile": lambda _, x, repeats: x.repeat(repeats.tolist()),
    "TopK": _top_k,
    "Transpose": lambda at, x: x.permute(*at["perm"]),
    "Unsqueeze": _unsqueeze,
    "Where": _pairwise(torch.where),
}
"""What a step does: attributes and inputs to one or several outputs."""
