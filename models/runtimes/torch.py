"""PyTorch: runs the same ONNX files on any GPU of torch, CUDA and Apple among them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import NDArray

from ..errors import DeviceError, ModelError
from .files import check_file, check_input, checked, sentence, wrong_size
from .runtime import Pixels, RunOptions, Runtime

if TYPE_CHECKING:
    import torch


def unavailable() -> str:
    """Say why it cannot be used, empty if it can."""
    missing = [name for name in ("torch", "onnx") if not find_spec(name)]
    return f"needs {' and '.join(missing)}: pip install {' '.join(missing)}" if missing else ""


class TorchRuntime(Runtime):
    """A network in torch: its ONNX graph, carried out with torch's operations.

    PyTorch's own files are not read: ``torch.export.load`` falls back to pickle and evaluates
    expressions, so that such a file can run any code; an ONNX file cannot.
    """

    name = "torch"

    def __init__(self, path: Path, run_options: RunOptions) -> None:
        import torch

        from .onnx_graph import OnnxGraph

        check_file(path)
        self._torch = torch
        self._on = _device(run_options.device)
        try:
            self._graph = OnnxGraph(path, self._on)
        except RuntimeError as error:
            raise DeviceError(f"torch failed on {self._on}: {sentence(error)}") from error
        self.inputs, self.outputs = self._graph.inputs, self._graph.outputs
        check_input(path, self.inputs, self._graph.kind)
        self._half = self._on.type == "cuda" and not run_options.exact
        self.tensor_device = str(self._on)
        self.device = f"{self._on} ({'f16' if self._half else 'f32'})"

    def run(self, pixels: Pixels) -> list[NDArray]:
        """Compute all outputs of an input (1, channels, height, width), 0 to 1."""
        ready = self._torch.from_numpy(checked(pixels, self.inputs[0]))
        return [output.cpu().numpy() for output in self.run_tensors(ready)]

    def run_tensors(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """Compute on the device."""
        torch, kind = self._torch, self._on.type
        try:
            with torch.inference_mode(), torch.autocast(kind, torch.float16, enabled=self._half):
                return self._graph(pixels.to(self._on))
        except torch.OutOfMemoryError as error:
            raise DeviceError(
                f"the device {self._on} has no memory left for the network"
            ) from error
        except RuntimeError as error:
            if "size" in str(error).lower():
                raise wrong_size(*pixels.shape[2:]) from error
            raise DeviceError(f"torch failed on {self._on}: {sentence(error)}") from error

    def close(self) -> None:
        """Free the weights."""
        del self._graph


open_model = TorchRuntime


def _device(wanted: str) -> torch.device:
    import torch

    if not wanted:
        best = "cuda" if torch.cuda.is_available() else "mps"
        works = best == "cuda" or torch.backends.mps.is_available()
        return torch.device(best if works else "cpu")
    try:
        torch.empty(1, device=wanted)
        return torch.device(wanted)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"torch finds no device {wanted!r}: {sentence(error)}") from error
