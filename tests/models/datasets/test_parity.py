"""Our decoding of a network is worth what ultralytics' own validation of it is."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from pursuit.models import weights
from pursuit.models.datasets import Dataset, read_dataset
from pursuit.models.datasets.augment import training_image
from pursuit.models.datasets.average_precision import AveragePrecision
from pursuit.models.detectors.learned.decoding import Thresholds, decode
from pursuit.models.runtimes import load

DATA = Path(os.environ.get("PURSUIT_DATA", Path(__file__).parents[4] / "shared" / "data"))
CLASSES = ("RBC", "WBC", "Platelets")
LEAST, IOU, MOST = 0.001, 0.7, 300


def held_back(count: int) -> Dataset:
    folder = DATA / "stills" / "bccd_blood"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}: set PURSUIT_DATA to the folder of real data")
    _, back = read_dataset(folder).split(0.2)
    return Dataset(back.name, back.classes, back.samples[:count])


def test_mean_average_precision_is_that_of_ultralytics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path / "settings"))
    monkeypatch.setenv("YOLO_OFFLINE", "true")
    ultralytics = pytest.importorskip("ultralytics")
    pytest.importorskip("onnxruntime")
    path = weights.find("yolo")
    runtime = load(path, "onnx").runtime
    names = ("nucleus", "cell", "spot", "worm", *CLASSES)
    precision = AveragePrecision(names)
    thresholds = Thresholds(np.full(len(names), LEAST, np.float32), IOU, MOST)
    dataset, longest = held_back(12), 0
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
    for sample in dataset.samples:
        picture = training_image(sample, 0.4)
        height, width = (size // 32 * 32 for size in picture.grey.shape)
        grey = picture.grey[:height, :width]
        classes = np.array([names.index(dataset.classes[c]) for c in picture.classes])
        boxes = np.clip(picture.boxes_px, 0, [width, height, width, height])
        inside = (boxes[:, 2:] - boxes[:, :2] > 2).all(axis=1)
        boxes, classes = boxes[inside], classes[inside]
        centred = np.concatenate(
            [boxes[:, :2] + boxes[:, 2:], 2 * (boxes[:, 2:] - boxes[:, :2])], 1
        )
        shares = centred / 2 / [width, height, width, height]
        rows = [" ".join(map(str, (c, *row))) for c, row in zip(classes, shares, strict=True)]
        cv2.imwrite(str(tmp_path / "images" / f"{sample.name}.png"), grey)
        (tmp_path / "labels" / f"{sample.name}.txt").write_text("\n".join(rows))
        longest = max(longest, height, width)
        outputs = runtime.run((grey[None, None] / 255).astype(np.float32))
        found = decode(outputs, "yolo", thresholds)
        precision.add(boxes, classes, *found)
    (tmp_path / "data.yaml").write_text(
        f"path: {tmp_path}\ntrain: images\nval: images\nchannels: 1\nnames: {list(names)}\n"
    )
    theirs = ultralytics.YOLO(path, task="detect").val(
        data=str(tmp_path / "data.yaml"),
        **{"imgsz": longest, "rect": True, "batch": 1, "workers": 0, "device": "cpu"},
        **{"conf": LEAST, "iou": IOU, "max_det": MOST, "plots": False, "verbose": False},
        project=str(tmp_path / "runs"),
    )
    ours = precision.result()
    assert ours.map50 > 0.5
    assert ours.map50_95 == pytest.approx(float(theirs.box.map), abs=0.005)
