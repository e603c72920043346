"""TensorRT and TensorRT for RTX: the fastest on an NVIDIA GPU, one CUDA graph for each size."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DeviceError, ModelError
from .engines import LARGEST_PX, SMALLEST_PX, Log, RuntimeCache, engine, is_rtx, library, missing
from .files import check_input, checked, sentence, wrong_size
from .runtime import Pixels, RunOptions, Runtime, Tensor

if TYPE_CHECKING:
    import torch

KEPT_SIZES = 8
"""Input sizes whose buffers and graphs stay on the GPU; as for OpenVINO."""


def unavailable() -> str:
    """Say why it cannot be used, empty if it can."""
    if reason := missing():
        return reason
    if not _gpus():
        return "no NVIDIA GPU with a driver was found"
    if not find_spec("torch"):
        return "needs torch for its buffers: pip install torch"
    import torch

    if not torch.cuda.is_available():
        return "this torch knows no CUDA: install one that does (pytorch.org)"
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """All that is needed to run inputs of one size, allocated once.

    ``memory`` is what the context computes in; a recorded ``graph`` points into it.
    """

    context: Any
    memory: torch.Tensor
    input: torch.Tensor
    outputs: list[torch.Tensor]
    from_host: torch.Tensor
    to_host: list[torch.Tensor]
    graph: torch.cuda.CUDAGraph | None


class TensorRtRuntime(Runtime):
    """A network in TensorRT.

    Each size of input has its own execution context, as the documentation recommends for CUDA
    graphs, with just the memory that this size needs. Plain TensorRT's work is recorded once
    as a graph and replayed; TensorRT for RTX records by itself.
    """

    name = "tensorrt"

    def __init__(self, path: Path, run_options: RunOptions) -> None:
        import torch

        self._torch, self._trt = torch, library()
        self._cuda = torch.device(run_options.device or "cuda:0")
        self.tensor_device = str(self._cuda)
        gpu = _gpu_name(torch, self._cuda)
        self._log = Log(self._trt)
        file, content = engine(path, gpu, run_options.exact)
        with torch.cuda.device(self._cuda):
            self.stream = torch.cuda.Stream()
            self._runtime = self._trt.Runtime(self._log.logger)
            self._engine = self._runtime.deserialize_cuda_engine(content)
            if self._engine is None:
                raise self._failure(f"cannot load the engine of {path.name} on {gpu}")
            self._kernels = (
                RuntimeCache(self._trt, self._engine, file) if is_rtx(self._trt) else None
            )
        self.inputs, self.outputs = self._tensors("INPUT"), self._tensors("OUTPUT")
        kind = self._engine.get_tensor_dtype(self.inputs[0].name).name.lower()
        check_input(path, self.inputs, kind)
        self.device = f"{gpu} ({self._trt.__name__}, {'f32' if run_options.exact else 'f16'})"
        self._plans = lru_cache(KEPT_SIZES)(self._plan)

    def run(self, pixels: Pixels) -> list[NDArray]:
        """Compute all outputs of an input (1, channels, height, width), 0 to 1."""
        pixels = checked(pixels, self.inputs[0])
        torch = self._torch
        with self._guarded(), torch.cuda.device(self._cuda), torch.cuda.stream(self.stream):
            plan = self._plans(*pixels.shape[2:])
            np.copyto(plan.from_host.numpy(), pixels)
            outputs = self._enqueue(plan, plan.from_host)
            for host, output in zip(plan.to_host, outputs, strict=True):
                host.copy_(output, non_blocking=True)
            self.stream.synchronize()
        return [host.numpy() for host in plan.to_host]

    def run_tensors(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """Compute on the GPU, on the current stream."""
        with self._guarded():
            return self._enqueue(self._plans(*pixels.shape[2:]), pixels)

    def warm_up(self, height: int, width: int) -> None:
        """Allocate, record and run once; keeps the kernels that were compiled for it."""
        super().warm_up(height, width)
        if self._kernels:
            self._kernels.save()

    def close(self) -> None:
        """Free the GPU."""
        self.stream.synchronize()
        self._plans.cache_clear()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            with self._torch.inference_mode():
                yield
        except RuntimeError as error:  # torch.OutOfMemoryError among them
            raise DeviceError(f"TensorRT failed on {self.device}: {sentence(error)}") from error

    def _enqueue(self, plan: _Plan, pixels: torch.Tensor) -> list[torch.Tensor]:
        plan.input.copy_(pixels, non_blocking=True)
        if plan.graph is not None:
            plan.graph.replay()
        else:
            self._execute(plan.context)
        return plan.outputs

    def _execute(self, context: Any) -> None:
        if not context.execute_async_v3(self._torch.cuda.current_stream().cuda_stream):
            raise self._failure("failed")

    def _plan(self, height: int, width: int) -> _Plan:
        torch, device = self._torch, self._cuda
        context = self._new_context()
        shape = (1, self.inputs[0].shape[1], height, width)
        largest = max(height, width)
        if largest > LARGEST_PX or not context.set_input_shape(self.inputs[0].name, shape):
            raise ModelError(
                f"the engine takes {SMALLEST_PX} to {LARGEST_PX} pixels and was given "
                f"{width} × {height}: use tiles"
            )
        shapes = self._output_shapes(context, height, width)
        memory = torch.empty(
            max(256, context.update_device_memory_size_for_shapes()),
            dtype=torch.uint8,
            device=device,
        )
        context.set_device_memory(memory.data_ptr(), memory.numel())
        tensors = [torch.zeros(size, device=device) for size in (shape, *shapes)]
        for tensor, place in zip((*self.inputs, *self.outputs), tensors, strict=True):
            context.set_tensor_address(tensor.name, place.data_ptr())
        hosts = [torch.empty(tensor.shape, pin_memory=True) for tensor in tensors]
        self._execute(context)
        graph = None if self._kernels else self._record(context)
        return _Plan(context, memory, tensors[0], tensors[1:], hosts[0], hosts[1:], graph)

    def _output_shapes(self, context: Any, height: int, width: int) -> list[tuple[int, ...]]:
        try:
            unknown = context.infer_shapes()
        except RuntimeError as error:
            raise wrong_size(height, width) from error
        shapes = [tuple(context.get_tensor_shape(output.name)) for output in self.outputs]
        if unknown or any(size < 0 for shape in shapes for size in shape):
            raise wrong_size(height, width)
        return shapes

    def _new_context(self) -> Any:
        by_us = self._trt.ExecutionContextAllocationStrategy.USER_MANAGED
        config = self._kernels.config if self._kernels else by_us
        context = self._engine.create_execution_context(config)
        if context is None:
            raise self._failure("has no memory left")
        return context

    def _record(self, context: Any) -> torch.cuda.CUDAGraph:
        torch = self._torch
        torch.cuda.current_stream().synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._execute(context)
        return graph

    def _tensors(self, mode: str) -> tuple[Tensor, ...]:
        loaded = self._engine
        names = [loaded.get_tensor_name(i) for i in range(loaded.num_io_tensors)]
        wanted = getattr(self._trt.TensorIOMode, mode)
        return tuple(
            Tensor(name, tuple(loaded.get_tensor_shape(name)))
            for name in names
            if loaded.get_tensor_mode(name) == wanted
        )

    def _failure(self, what: str) -> DeviceError:
        reason = sentence(self._log.error or "it does not say why")
        return DeviceError(f"TensorRT {what}: {reason}")


open_model = TensorRtRuntime


def _gpu_name(torch: Any, device: torch.device) -> str:
    try:
        return torch.cuda.get_device_name(device)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise ModelError(f"there is no GPU {device}: {sentence(error)}") from error


def _gpus() -> int:
    """Count NVIDIA GPUs by asking the driver, which takes a millisecond; torch takes seconds."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value
