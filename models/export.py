"""Export of models to the files that a runtime, or another program, loads directly."""

import shutil
from collections.abc import Callable
from pathlib import Path

from .errors import ModelError

OnProgress = Callable[[str, float], None]


def export_model(
    path: Path, runtime: str, folder: Path, on_progress: OnProgress = lambda text, share: None
) -> list[Path]:
    """Write a model for a runtime.

    ``onnx``: the file itself. ``openvino``: its intermediate representation, ``.xml`` and
    ``.bin``. ``tensorrt``: an engine for the GPU of this computer. ``torch``: the weights as a
    dictionary of tensors, which ``torch.load(weights_only=True)`` reads.

    Parameters
    ----------
    path : Path
        ONNX file; its card is copied too.
    folder : Path
        Made if it is not there; a file of the same name in it is replaced.
    on_progress : callable
        Told what is being done and the share that is done, where it takes long.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    ModelError
        If the runtime is not known or not installed, or the model cannot be used with it.
    """
    writers = {"onnx": _onnx, "openvino": _openvino, "tensorrt": _tensorrt, "torch": _torch}
    if runtime not in writers:
        raise ModelError(f"there is no runtime {runtime!r}; known: {', '.join(writers)}")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        written = writers[runtime](path, folder, on_progress)
    except ImportError as error:
        raise ModelError(
            f"exporting for {runtime} needs {error.name}: pip install {error.name}"
        ) from error
    return [*written, *_copied(path.with_suffix(".json"), folder)]


def _onnx(path: Path, folder: Path, on_progress: OnProgress) -> list[Path]:
    return _copied(path, folder)


def _openvino(path: Path, folder: Path, on_progress: OnProgress) -> list[Path]:
    import openvino

    from .runtimes import check_file, damaged

    check_file(path)
    try:
        model = openvino.Core().read_model(path)
    except RuntimeError as error:
        raise damaged(path) from error
    to = folder / f"{path.stem}.xml"
    openvino.save_model(model, to)
    return [to, to.with_suffix(".bin")]


def _tensorrt(path: Path, folder: Path, on_progress: OnProgress) -> list[Path]:
    from .runtimes import EngineRequest, engine

    _, content = engine(EngineRequest(path, _gpu_name()), on_progress)
    to = folder / f"{path.stem}.engine"
    to.write_bytes(content)
    return [to]


def _gpu_name() -> str:
    """Name of the GPU, empty if there is none or torch is missing."""
    try:
        import torch
    except ImportError:
        return ""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def _torch(path: Path, folder: Path, on_progress: OnProgress) -> list[Path]:
    import torch

    from .onnx_file import read_weights

    to = folder / f"{path.stem}.pt"
    weights = read_weights(path)
    torch.save({name: torch.from_numpy(values.copy()) for name, values in weights.items()}, to)
    return [to]


def _copied(path: Path, folder: Path) -> list[Path]:
    to = folder / path.name
    if not path.exists():
        return []
    if to.resolve() != path.resolve():
        shutil.copyfile(path, to)
    return [to]
