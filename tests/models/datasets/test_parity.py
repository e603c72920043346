"""Of the outputs of a network the same boxes are left as by ultralytics' own suppression."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from pursuit.models import weights
from pursuit.models.card import ModelCard
from pursuit.models.datasets import read_dataset
from pursuit.models.datasets.augment import training_image
from pursuit.models.detectors.learned.decoding import Thresholds, decode
from pursuit.models.runtimes import load

DATA = Path(os.environ.get("PURSUIT_DATA", Path(__file__).parents[4] / "shared" / "data"))
LEAST, IOU, MOST = 0.001, 0.7, 300


@pytest.mark.parametrize("name", ["bccd_blood", "dsb2018_nuclei", "worms"])
def test_boxes_are_those_of_ultralytics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Of each box the likeliest class, then the best of those that overlap."""
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path / "settings"))
    monkeypatch.setenv("YOLO_OFFLINE", "true")
    torch, theirs = pytest.importorskip("torch"), pytest.importorskip("ultralytics.utils.nms")
    pytest.importorskip("onnxruntime")
    folder = DATA / "stills" / name
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}: set PURSUIT_DATA to the folder of real data")
    path = weights.find("yolo")
    count = len(ModelCard.read(path.with_suffix(".json")).classes)
    runtime, thresholds = (
        load(path, "onnx").runtime,
        Thresholds(np.full(count, LEAST, np.float32), IOU, MOST),
    )
    for sample in read_dataset(folder).split(0.2)[1].samples[:12]:
        grey = training_image(sample, 0.4).grey
        height, width = (size // 32 * 32 for size in grey.shape)
        outputs = runtime.run((grey[None, None, :height, :width] / 255).astype(np.float32))
        found = decode(outputs, "yolo", thresholds, (height, width))
        expected = theirs.non_max_suppression(
            torch.from_numpy(outputs[0].copy()), LEAST, IOU, multi_label=False, max_det=MOST
        )[0].numpy()
        assert len(found.scores) == len(expected) > 0
        np.testing.assert_allclose(found.scores, expected[:, 4], atol=1e-6)
        ours = np.column_stack([found.boxes, found.scores, found.classes])
        for rows in (ours, expected):
            rows[:] = rows[np.lexsort(rows.T[[0, 1, 4]].round(3))]
        np.testing.assert_allclose(ours, expected, atol=1e-2)
