"""ONNX Runtime: runs everywhere, on NVIDIA (CUDA) and Windows (DirectML) GPUs where it can."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..errors import DeviceError, ModelError
from .files import check_file, check_input, checked, damaged, not_understood, sentence, wrong_size
from .runtime import Pixels, RunOptions, Runtime, Tensor

if TYPE_CHECKING:
    import onnxruntime

PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "dml": "DmlExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""Devices and what ONNX Runtime calls them, best first."""


def unavailable() -> str:
    """Say why it cannot be used, empty if it can."""
    return "" if find_spec("onnxruntime") else 'not installed: pip install "pursuit[onnx]"'


class OnnxRuntime(Runtime):
    """A network in ONNX Runtime, for inputs of any size."""

    name = "onnx"

    def __init__(self, path: Path, run_options: RunOptions) -> None:
        check_file(path)
        self._session = _session(path, run_options)
        self.inputs = _tensors(self._session.get_inputs())
        self.outputs = _tensors(self._session.get_outputs())
        kinds = [node.type[len("tensor(") : -1] for node in self._session.get_inputs()]
        check_input(path, self.inputs, "".join(kinds[:1]))
        used = self._session.get_providers()[0]
        self.device = next((key.upper() for key, name in PROVIDERS.items() if name == used), used)

    def run(self, pixels: Pixels) -> list[NDArray]:
        """Compute all outputs of an input (1, channels, height, width), 0 to 1."""
        pixels = checked(pixels, self.inputs[0])
        try:
            outputs: Any = self._session.run(None, {self.inputs[0].name: pixels})
        except Exception as error:  # ONNX Runtime's errors share no other base
            if self.device == "CPU" and "alloc" not in str(error):
                raise wrong_size(*pixels.shape[2:]) from error
            raise DeviceError(f"onnxruntime failed on {self.device}: {sentence(error)}") from error
        return list(outputs)

    def close(self) -> None:
        """Free the session."""
        del self._session


open_model = OnnxRuntime


def _session(path: Path, run_options: RunOptions) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(path, options, providers=_providers(run_options))
    except Exception as error:  # ONNX Runtime's errors share no other base
        kind, text = type(error).__name__, str(error)
        if kind == "InvalidProtobuf" or "No graph was found" in text:
            raise damaged(path) from error
        if kind in ("InvalidGraph", "NotImplemented") or "opset" in text or "registered" in text:
            raise not_understood(path, "onnxruntime", _complaint(text)) from error
        raise ModelError(f"onnxruntime cannot load {path.name}: {_complaint(text)}") from error


def _providers(run_options: RunOptions) -> list[Any]:
    import onnxruntime

    here = onnxruntime.get_available_providers()
    known = [name for key, name in PROVIDERS.items() if key == (run_options.device.lower() or key)]
    usable = [name for name in known if name in here]
    if not usable:
        raise ModelError(
            f"onnxruntime finds no device {run_options.device!r}; "
            f"it has: {', '.join(key for key, name in PROVIDERS.items() if name in here)}"
        )
    plain = {"use_tf32": "0"} if run_options.exact else {}
    return [(name, plain if name == PROVIDERS["cuda"] else {}) for name in usable]


def _complaint(text: str) -> str:
    """What is wrong with the graph, without where in the library that was noticed."""
    return sentence(text.rsplit("Error ", 1)[-1].split("failed:", 1)[-1])


def _tensors(nodes: Sequence[Any]) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(node.name, tuple(d if isinstance(d, int) else -1 for d in node.shape))
        for node in nodes
    )
