"""What every runtime checks of a model file and an input, and where compiled models are kept."""

import os
from collections.abc import Sequence
from pathlib import Path
from zipfile import is_zipfile

import numpy as np
import platformdirs
from numpy.typing import NDArray

from ..errors import ModelError
from .onnx_fields import OnnxContents, read_onnx
from .runtime import Pixels, Tensor

_ONNX_START = b"\x08"
"""Tag of the first field, ``ir_version``, of a serialised ModelProto."""

_KINDS = {
    **{"f32": "float32", "f16": "float16", "u8": "uint8", "i8": "int8"},
    **{"float": "float32", "half": "float16", "double": "float64"},
}
"""What numbers are called by OpenVINO and in ONNX, if not as by NumPy."""


def cache_folder() -> Path:
    """Return the folder for compiled models: the user's cache, or ``PURSUIT_CACHE``."""
    chosen = os.environ.get("PURSUIT_CACHE")
    folder = Path(chosen) if chosen else platformdirs.user_cache_path("pursuit", appauthor=False)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def check_file(path: Path) -> None:
    """Refuse what is missing, is no ONNX model, or is one that is cut off or lacks its weights.

    Before a library opens it, as those print what they cannot read.

    Files of PyTorch are refused without being opened: a pickled model can run any code, and
    exported programs (``.pt2``) are read with pickle and ``sympify`` too.
    """
    try:
        with path.open("rb") as file:
            start = file.read(2)
    except OSError as error:
        raise ModelError(f"the model {path} cannot be read: {error.strerror}") from error
    if start[:1] == b"\x80" or is_zipfile(path) or start == b"PK":
        raise ModelError(
            f"the file {path} is one of PyTorch, which can run any code when it is opened: "
            "export it where it was trained, with "
            f"`yolo export model={path.name} format=onnx dynamic=True`"
        )
    if start[:1] != _ONNX_START:
        raise ModelError(f"the file {path} is not an ONNX model: give the .onnx file of a detector")
    for name in contents(path).outside:
        if not (path.parent / name).is_file():
            raise ModelError(
                f"the weights of {path.name} are in another file, {name}, which is not beside it: "
                "copy it there, too"
            )


def contents(path: Path) -> OnnxContents:
    """Read what an ONNX file says of itself; ModelError if it cannot be read or is cut off."""
    try:
        return read_onnx(path)
    except OSError as error:
        raise ModelError(f"the model {path} cannot be read: {error.strerror}") from error
    except (ValueError, IndexError) as error:
        raise damaged(path) from error


def damaged(path: Path) -> ModelError:
    """Return the error for an ONNX file that cannot be parsed."""
    return ModelError(f"the file {path} is damaged or cut off: copy or export it again")


def not_understood(path: Path, library: str, reason: str) -> ModelError:
    """Return the error for an operation or operation set that a library does not know."""
    return ModelError(
        f"the file {path.name} cannot be used by {library} ({reason}): update it, "
        "or export the model again with a lower opset"
    )


def sentence(error: object, most: int = 160) -> str:
    """Shorten what a library says: the last line that says something, cut to ``most``."""
    lines = [line.strip(" -.") for line in str(error).splitlines() if line.strip(" -.")]
    text = lines[-1] if lines else type(error).__name__
    return text if len(text) <= most else text[: most - 1] + "…"


def check_input(path: Path, inputs: Sequence[Tensor], kind: str) -> None:
    """Refuse a network that does not take one picture, float32 (1, channels, height, width).

    The kind is that of the numbers it takes, as the library calls it; empty if it takes none.
    """
    said = " and ".join(_sizes(tensor.shape) for tensor in inputs) or "nothing"
    picture = len(inputs) == 1 and len(inputs[0].shape) == 4
    if not picture or inputs[0].shape[0] not in (1, -1) or inputs[0].shape[1] < 1:
        raise ModelError(
            f"the file {path.name} takes {said}, not one picture of 1 × channels × height × width: "
            "export a detector with batch 1"
        )
    if (taken := _KINDS.get(kind, kind)) != "float32":
        raise ModelError(
            f"the file {path.name} takes numbers of the type {taken}: export it so that it takes "
            "float32, without half"
        )


def checked(pixels: NDArray, tensor: Tensor) -> Pixels:
    """Return an input as contiguous float32; refuse one whose shape is not that of the tensor."""
    fits = pixels.ndim == len(tensor.shape) and all(
        size == wanted or (wanted < 0 and size > 0)
        for size, wanted in zip(pixels.shape, tensor.shape, strict=True)
    )
    if not fits:
        raise ModelError(
            f"the network takes {_sizes(tensor.shape)} and was given {_sizes(pixels.shape)}"
        )
    return np.ascontiguousarray(pixels, dtype=np.float32)


def wrong_size(height: int, width: int) -> ModelError:
    """Return the error for an input whose height or width the network cannot take."""
    return ModelError(
        f"the network cannot take {width} × {height} pixels: "
        "width and height must be multiples of its stride, as its card gives it"
    )


def _sizes(shape: Sequence[int]) -> str:
    return " × ".join("any" if size < 0 else str(size) for size in shape) or "a number"
