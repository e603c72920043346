"""The path that stays on the GPU, here on torch's CPU: same boxes as the numpy one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pursuit.models.detectors.learned.decoding import Thresholds, decode
from pursuit.models.detectors.learned.heads import Head
from pursuit.models.errors import DeviceError, ModelError

torch = pytest.importorskip("torch")
from pursuit.models.detectors.learned.gpu import GpuPipeline
from pursuit.models.images import Levels

NOTHING = Thresholds(np.full(1, 2, np.float32), 0.5, 10)


class Camera:
    """A runtime that keeps its input and returns given outputs."""

    tensor_device = "cpu"

    def __init__(self, *outputs: np.ndarray) -> None:
        self.outputs = [torch.from_numpy(output) for output in outputs]
        self.shown = np.empty(0)

    def run_tensors(self, pixels: Any) -> list[Any]:
        self.shown = pixels.numpy()
        return self.outputs


def camera() -> Camera:
    return Camera(np.zeros((1, 5, 7), np.float32))


def test_contrast_is_stretched_before_precision_is_lost() -> None:
    network = camera()
    image = np.arange(40_000, 44_096, dtype=np.uint16).reshape(64, 64)
    view = Levels(low=40_100, high=40_200, middle=0.25), 1, (64, 96)
    GpuPipeline(network, "yolo", 3).run(image, *view, NOTHING)
    wanted = np.clip((image.astype(np.float64) - 40_100) / 100, 0, 1)
    assert network.shown.shape == (1, 3, 64, 96)
    for channel in network.shown[0]:
        np.testing.assert_allclose(channel[:, :64], wanted, atol=1e-6)
        assert (channel[:, 64:] == 0.25).all()


@pytest.mark.parametrize("scale", [0.3, 0.5, 1.0, 1.7, 3.0])
def test_a_box_around_what_is_shown_is_where_it_is_in_the_image(scale: float) -> None:
    y, x = np.mgrid[:90, :120]
    image = (200 * np.exp(-((x - 61.3) ** 2 + (y - 30.7) ** 2) / 50)).astype(np.uint8)
    view = Levels(low=0, high=250, middle=0.0), scale, (288, 384)
    network = camera()
    GpuPipeline(network, "yolo", 1).run(image, *view, NOTHING)
    light = network.shown[0, 0].astype(np.float64)
    middle = (light.sum(0) @ np.arange(384.0), light.sum(1) @ np.arange(288.0)) / light.sum() + 0.5
    box = np.array([[[*(middle - 8), *(middle + 8), 0.9, 0]]], np.float32)
    pipeline = GpuPipeline(Camera(box), "yolo-nms-free", 1)
    found = pipeline.run(image, *view, Thresholds(np.array([0.5], np.float32), 0.5, 10))
    boxes_px = found.boxes / scale - 0.5
    centre = (boxes_px[0, :2] + boxes_px[0, 2:]) / 2
    np.testing.assert_allclose(centre, [61.3, 30.7], atol=0.03)
    np.testing.assert_allclose(boxes_px[0, 2] - boxes_px[0, 0], 16 / scale, rtol=1e-5)


def crowd(seed: int, n: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Middles and sizes of boxes that overlap in clusters, (N, 4), and scores, (N, classes)."""
    random = np.random.default_rng(seed)
    boxes = random.uniform(0, 200, (8, 2))[random.integers(0, 8, n)] + random.normal(0, 4, (n, 2))
    boxes = np.hstack([boxes, random.uniform(10, 20, (n, 2))])
    return boxes.astype(np.float32), random.random((n, classes), dtype=np.float32) ** 3


@pytest.mark.parametrize("head", ["yolo", "ssd", "yolo-nms-free"])
@pytest.mark.parametrize(("seed", "n"), [(0, 300), (1, 1000), (2, 1)])
def test_the_same_boxes_as_by_numpy(head: Head, seed: int, n: int) -> None:
    middles, scores = crowd(seed, n, 3)
    corners = np.hstack([middles[:, :2] - middles[:, 2:] / 2, middles[:, :2] + middles[:, 2:] / 2])
    best = np.column_stack([corners, scores.max(1), scores.argmax(1)]).astype(np.float32)
    outputs = {
        "yolo": (np.hstack([middles, scores]).T[None].copy(),),
        "ssd": (corners[None], scores[None]),
        "yolo-nms-free": (best[None],),
    }[head]
    thresholds = Thresholds(np.array([0.1, 0.3, 0.5], np.float32), 0.6, 100)
    wanted = decode(outputs, head, thresholds, (64, 64))
    image, view = np.zeros((32, 32), np.uint8), (Levels(0.0, 1.0, 0.0), 2.0, (64, 64))
    found = GpuPipeline(Camera(*outputs), head, 1).run(image, *view, thresholds)
    np.testing.assert_array_equal(found.scores, wanted.scores)
    np.testing.assert_array_equal(found.classes, wanted.classes)
    np.testing.assert_allclose(found.boxes, wanted.boxes, atol=1e-4)


def test_what_does_not_work_is_said() -> None:
    class Broken(Camera):
        def run_tensors(self, pixels: Any) -> Any:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    view = Levels(0.0, 1.0, 0.0), 1, (32, 32)
    with pytest.raises(ModelError, match="uint8 or uint16"):
        bad: Any = np.zeros((8, 8), np.float32)
        GpuPipeline(camera(), "yolo", 1).run(bad, *view, NOTHING)
    with pytest.raises(DeviceError, match="out of memory"):
        GpuPipeline(Broken(), "yolo", 1).run(np.zeros((8, 8), np.uint8), *view, NOTHING)
