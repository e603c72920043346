"""The protocol of runtimes, and the choice of the best that works here."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError

if TYPE_CHECKING:
    import torch

Pixels = NDArray[np.float32]

RUNTIMES = ("tensorrt", "openvino", "onnx", "torch")
"""Best first: the fastest on a GPU of NVIDIA, then on a CPU, then those that run everywhere."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """Name and shape of an input or output; -1 where the size is free."""

    name: str
    shape: tuple[int, ...]


class Runtime(Protocol):
    """A network ready to run. One object serves one thread.

    Attributes
    ----------
    name : str
        As in a configuration: ``"openvino"``.
    device : str
        What it runs on, for people.
    """

    name: str
    device: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def run(self, pixels: Pixels) -> list[NDArray]:
        """Compute all outputs of an input (1, channels, height, width), 0 to 1.

        The arrays may be overwritten by the next run.

        Raises
        ------
        ModelError
            If the shape does not fit.
        DeviceError
            If the device fails or runs out of memory.
        """
        ...

    def warm_up(self, height: int, width: int) -> None:
        """Prepare for inputs of that size, so that the first run is not slow."""
        self.run(np.zeros((1, self.inputs[0].shape[1], height, width), np.float32))

    def close(self) -> None:
        """Free the device."""
        ...


@runtime_checkable
class TensorRuntime(Protocol):
    """A runtime that also takes tensors of torch and leaves its outputs on the device.

    Attributes
    ----------
    tensor_device : str
        Where the tensors are, as torch calls it.
    """

    tensor_device: str

    def run_tensors(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """Compute on the device, on its current stream, which must not be CUDA's default one.

        The next run may overwrite the outputs.

        Parameters
        ----------
        pixels : (1, channels, height, width) float32

        Raises
        ------
        ModelError
            If the size does not fit.
        DeviceError
            If the device fails or runs out of memory.
        """
        ...


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a network is to be run.

    Attributes
    ----------
    device : str
        As the library calls it (``GPU``, ``cuda:1``); empty for the best.
    exact : bool
        Compute in 32 bits throughout; otherwise in 16 where the device is faster for it.
    """

    device: str = ""
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network ready to run, and a sentence that says why by this runtime."""

    runtime: Runtime
    why: str


class _Backend(Protocol):
    """What the module of a runtime offers."""

    def unavailable(self) -> str:
        """Say why it cannot be used on this computer, in a clause; empty if it can."""
        ...

    def open_model(self, path: Path, run_options: RunOptions) -> Runtime:
        """Make a network ready; ModelError if the file or the device does not let it."""
        ...


def load(path: Path, runtime: str = "auto", *, exact: bool = False) -> Loaded:
    """Make the network of an ONNX file ready.

    Parameters
    ----------
    runtime : str
        ``auto``: the first of :data:`RUNTIMES` that works. Or one of them, if wanted with a
        device: ``openvino:GPU``, ``torch:cuda:1``.
    exact : bool
        Compute in 32 bits throughout. Otherwise 16 are used where the device is faster for it,
        which moves a box by some hundredths of a pixel.

    Raises
    ------
    ModelError
        If the file is no such network or the runtime does not work here.
    """
    name, _, device = runtime.partition(":")
    run_options = RunOptions(device, exact)
    if name == "auto":
        return _load_best(path, run_options)
    if name not in RUNTIMES:
        known = ", ".join(("auto", *RUNTIMES))
        raise ModelError(f"there is no runtime {name!r}; known: {known}")
    if reason := _backend(name).unavailable():
        raise ModelError(f"the runtime {name} cannot be used: {reason}")
    opened = _backend(name).open_model(path, run_options)
    return Loaded(opened, f"{name} on {opened.device}, as asked for")


def reasons() -> dict[str, str]:
    """Why each runtime, best first, cannot be used on this computer; empty for one that can."""
    return {name: _backend(name).unavailable() for name in RUNTIMES}


def _load_best(path: Path, run_options: RunOptions) -> Loaded:
    passed: list[str] = []
    failed: ModelError | None = None
    for position, name in enumerate(RUNTIMES):
        if reason := _backend(name).unavailable():
            passed.append(f"{name}: {reason}")
            continue
        try:
            opened = _backend(name).open_model(path, run_options)
        except ModelError as error:
            failed = failed or error
            passed.append(f"{name}: {error}")
            continue
        why = [f"{name} on {opened.device}", *passed]
        if rest := RUNTIMES[position + 1 :]:
            why.append(f"{', '.join(rest)}: not needed")
        return Loaded(opened, "; ".join(why))
    if failed is not None:
        raise failed
    raise ModelError(f"no runtime works here; {'; '.join(passed)}")


def _backend(name: str) -> _Backend:
    return cast(_Backend, importlib.import_module(f".{name}", __package__))
