"""Ultralytics' own way to run a model: the same weights in torch, ONNX Runtime and OpenVINO."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ....models.detectors.learned import read_metadata
from ....models.errors import ModelError

if TYPE_CHECKING:
    from ....models.training.detector import Yolo

SCORE = 0.25
"""Least score: the default of ultralytics and of Pursuit."""

Pixels = NDArray[Any]


Peer = dict[str, Callable[[Pixels], Any]]
"""``predict`` and ``track`` in one runtime: image, (H, W) uint8, to ultralytics' result for it."""


def open_peers(
    path: Path, architecture: str, image: Pixels, folder: Path, on_note: Callable[[str], None]
) -> dict[str, Peer]:
    """Open a YOLO with ultralytics in every runtime that it has in common with Pursuit.

    The architecture is that of its card, such as ``yolo26n``; the image a typical one, (S, S)
    uint8; the folder for files that are needed meanwhile. ``on_note`` is told what is left out.
    """
    missing = [name for name in ("torch", "ultralytics", "onnx", "lap") if not find_spec(name)]
    if missing:
        packages = " ".join(missing)
        on_note(f"ultralytics is left out: it needs {packages}: pip install {packages}")
        return {}
    os.environ["YOLO_AUTOINSTALL"] = "false"
    from ....models.training.detector import Yolo

    peers = {}
    ways: dict[str, Callable[[], Any]] = {
        "torch": lambda: _in_torch(path, Yolo(architecture), image),
        "onnx": lambda: _in_onnx(path),
        "openvino": lambda: _in_openvino(path, folder),
    }
    for runtime, opener in ways.items():
        try:
            peers[runtime] = _peer(opener(), opener(), image)
        except (ModelError, ImportError, OSError, RuntimeError, ValueError) as error:
            on_note(f"ultralytics in {runtime} is left out: {error}")
    return peers


def _peer(predicting: Any, tracking: Any, image: Pixels) -> Peer:
    """Wrap a model for each of the two ways, and make sure that it uses all pixels."""
    size_px = image.shape[0]
    usual: dict[str, Any] = {"conf": SCORE, "imgsz": size_px, "verbose": False}
    predicting.predict(image, **usual)
    if [*predicting.predictor.imgsz] != [size_px, size_px]:
        wrong = predicting.predictor.imgsz
        raise ModelError(f"it takes the model for one of fixed size and would shrink to {wrong}")
    return {
        "predict": lambda image: predicting.predict(image, **usual)[0],
        "track": lambda image: tracking.track(image, persist=True, **usual)[0],
    }


def _in_onnx(path: Path) -> Any:
    from ultralytics import YOLO  # type: ignore[attr-defined]

    if not find_spec("onnxruntime"):
        raise ModelError("it needs onnxruntime: pip install onnxruntime")
    return YOLO(path, task="detect")


def _in_openvino(path: Path, folder: Path) -> Any:
    """Lay the model out as ultralytics' own export does: a folder with its metadata in YAML."""
    import openvino
    import yaml
    from ultralytics import YOLO  # type: ignore[attr-defined]

    layout = folder / f"{path.stem}_openvino_model"
    if not layout.exists():
        layout.mkdir()
        network = openvino.Core().read_model(path)
        openvino.save_model(network, layout / f"{path.stem}.xml", compress_to_fp16=False)
        about = {key: yaml.safe_load(value) for key, value in read_metadata(path).items()}
        (layout / "metadata.yaml").write_text(yaml.safe_dump(about), "utf-8")
    return YOLO(layout, task="detect")


def _in_torch(path: Path, family: Yolo, image: Pixels) -> Any:
    """Give the weights to ultralytics' own network, as if its file of PyTorch had been loaded."""
    import torch
    from ultralytics import YOLO  # type: ignore[attr-defined]

    from ....models.onnx_file import read_weights
    from ....models.training.detector import Batch, load_exported

    about = read_metadata(path)
    if about.get("channels") != "1" or about.get("end2end") != "False":
        raise ModelError("only weights trained with Pursuit can be given back to torch")
    names: dict[int, str] = ast.literal_eval(about["names"])
    network: Any = family.new(len(names))
    pixels = torch.from_numpy(image[None, None]).float() / 255
    load_exported(network, read_weights(path), Batch(pixels, [], []))
    network.names = names
    model = YOLO(f"{family.name}.yaml", task="detect")
    model.model = network.eval()
    return model
