"""Export of models to the files that a runtime, or another program, loads directly."""

import shutil
from pathlib import Path

import msgspec

from .errors import ModelError
from .runtimes import check_file, damaged, engine
from .weights import licence_text


def export_model(path: Path, runtime: str, folder: Path) -> list[Path]:
    """Write a model for a runtime, and return the files that were written.

    ``onnx``: the file itself. ``openvino``: its intermediate representation, ``.xml`` and
    ``.bin``. ``tensorrt``: an engine for the GPU of this computer. ``torch``: the weights as a
    dictionary of tensors, which ``torch.load(weights_only=True)`` reads.

    Parameters
    ----------
    path : Path
        ONNX file; its card is copied too, and the text of a licence that has to go with it.
    folder : Path
        Made if it is not there; a file of the same name in it is replaced.

    Raises
    ------
    ModelError
        If the runtime is not known or not installed, or the model cannot be used with it.
    """
    writers = {"onnx": _copied, "openvino": _openvino, "tensorrt": _tensorrt, "torch": _torch}
    if runtime not in writers:
        raise ModelError(f"there is no runtime {runtime!r}; known: {', '.join(writers)}")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        written = writers[runtime](path, folder)
    except ImportError as error:
        raise ModelError(
            f"exporting for {runtime} needs {error.name}: pip install {error.name}"
        ) from error
    card = path.with_suffix(".json")
    licence = _licence(card)
    return [*written, *_copied(card, folder), *(_copied(licence, folder) if licence else ())]


def _licence(card: Path) -> Path | None:
    """Text of the licence that a card names, if weights may only be passed on with it."""
    if not card.exists():
        return None
    try:
        return licence_text(msgspec.json.decode(card.read_bytes()).get("licence", ""))
    except (ValueError, AttributeError) as error:
        raise ModelError(f"the model card {card} cannot be read: {error}") from error


def _openvino(path: Path, folder: Path) -> list[Path]:
    import openvino

    check_file(path)
    try:
        model = openvino.Core().read_model(path)
    except RuntimeError as error:
        raise damaged(path) from error
    to = folder / f"{path.stem}.xml"
    openvino.save_model(model, to)
    return [to, to.with_suffix(".bin")]


def _tensorrt(path: Path, folder: Path) -> list[Path]:
    _, content = engine(path, _gpu_name())
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


def _torch(path: Path, folder: Path) -> list[Path]:
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
