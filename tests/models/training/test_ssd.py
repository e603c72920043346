"""Our own single-shot detector: default boxes, learning, its ONNX file."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pursuit.models.errors import ModelError
from pursuit.models.onnx_file import read_weights
from pursuit.models.training.detector import Batch, load_exported
from pursuit.models.training.detector.fit import fit
from pursuit.models.training.detector.ssd import Ssd
from pursuit.models.training.detector.ssd_boxes import LEVELS, cell_boxes, cell_corners
from pursuit.models.training.detector.ssd_loss import match_boxes
from pursuit.models.training.detector.ssd_model import SsdModel

SIZE = 96
SSD = Ssd()


def train(batch: Batch, classes: int, steps: int) -> tuple[SsdModel, list[float]]:
    """Train on one batch over and over; the model and its losses."""
    losses: list[float] = []
    model = fit(
        SSD.new(classes),
        SSD.loss,
        repeat(batch),
        steps,
        SSD.learning_rate,
        lambda step, loss: losses.append(loss),
    )
    return model, losses


def discs(seed: int) -> Batch:
    """Bright and dark discs of 8 to 40 px that do not touch; every fourth picture is empty."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    images: list[Any] = []
    boxes: list[Any] = []
    classes: list[Any] = []
    for picture in range(4):
        image = 0.5 + rng.normal(0, 0.03, (SIZE, SIZE))
        found = []
        for corner in [(0, 0), (48, 0), (0, 48), (48, 48)] if picture else []:
            radius = rng.uniform(4, 20)
            centre = rng.uniform(radius + 1, 47 - radius, 2) + corner
            kind = int(rng.integers(2))
            image[np.hypot(x - centre[0], y - centre[1]) < radius] += 0.4 * (2 * kind - 1)
            found.append((*(centre - radius), *(centre + radius), kind))
        rows = torch.tensor(np.array(found).reshape(-1, 5), dtype=torch.float32)
        images.append(torch.tensor(image.clip(0, 1), dtype=torch.float32)[None])
        boxes.append(rows[:, :4])
        classes.append(rows[:, 4].long())
    return Batch(torch.stack(images), boxes, classes)


def overlaps(a: Any, b: Any) -> Any:
    """Intersection over union of every box (N, 4) with every box (M, 4)."""
    size_a, size_b = (s[:, 2:] - s[:, :2] for s in (a, b))
    shared = torch.minimum(a[:, None, 2:], b[:, 2:]) - torch.maximum(a[:, None, :2], b[:, :2])
    shared = shared.clamp(min=0).prod(2)
    return shared / (size_a.prod(1)[:, None] + size_b.prod(1) - shared)


def default_boxes(height: int, width: int) -> Any:
    """Default boxes of a picture, (N, 4), in the order of the network's outputs."""
    placed = []
    for level in LEVELS:
        cells = torch.empty(1, 1, height // level.stride, width // level.stride)
        placed.append(cell_corners(cells, level.stride) + cell_boxes(level))
    return torch.cat([boxes.reshape(-1, 4) for boxes in placed])


class Learned:
    """A model that has seen one batch over and over."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.batch = discs(0)
        self.model, self.losses = train(self.batch, 2, 80)


@pytest.fixture(scope="module")
def learned() -> Learned:
    return Learned()


@pytest.mark.parametrize(("height", "width"), [(32, 32), (96, 64), (64, 160)])
def test_answers_for_every_default_box_at_any_size(height: int, width: int) -> None:
    model = SsdModel(3).eval()
    with torch.no_grad():
        boxes, scores = model(torch.rand(2, 1, height, width))
    defaults = default_boxes(height, width)
    assert boxes.shape == (2, *defaults.shape)
    assert scores.shape == (2, len(defaults), 3)
    assert scores.min() >= 0 and scores.max() < 0.1
    assert overlaps(boxes[0], defaults).diagonal().min() > 0.5


@pytest.mark.parametrize("ratio", [1.0, 3.0])
def test_every_object_has_a_default_box_like_it(ratio: float) -> None:
    rng = np.random.default_rng(1)
    size = np.exp(rng.uniform(np.log(6 * np.sqrt(ratio)), np.log(200), 300))
    stretch = np.exp(rng.uniform(-np.log(ratio), np.log(ratio), 300) / 2)
    half = np.stack([size * stretch, size / stretch], axis=1) / 2
    centre = rng.uniform(0, 256, (300, 2))
    objects = torch.tensor(np.hstack([centre - half, centre + half]), dtype=torch.float32)
    best = overlaps(objects, default_boxes(256, 256)).amax(1)
    assert best.min() > 0.4


def test_learns_a_batch_by_heart(learned: Learned) -> None:
    assert np.mean(learned.losses[-5:]) < np.mean(learned.losses[:5]) / 4
    boxes, scores = learned.model(learned.batch.images)
    for picture, (truth, kinds) in enumerate(
        zip(learned.batch.boxes, learned.batch.classes, strict=True)
    ):
        for box, kind in zip(truth, kinds, strict=True):
            near = overlaps(boxes[picture], box[None])[:, 0] > 0.5
            best = torch.where(near, scores[picture, :, kind], -1).argmax()
            assert scores[picture, best, kind] > 0.5
            assert overlaps(boxes[picture, best][None], box[None]) > 0.7
    assert scores[0].max() < 0.4


def test_goes_on_from_an_exported_file(learned: Learned, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    path = tmp_path / "ssd.onnx"
    SSD.export(learned.model, path, "ab", SIZE)
    fresh = SSD.new(2)
    load_exported(fresh, read_weights(path), learned.batch)
    with torch.no_grad():
        boxes, scores = learned.model(learned.batch.images)
        ours = fresh.eval()(learned.batch.images)
        torch.testing.assert_close(ours[0], boxes, atol=1e-2, rtol=1e-3)
        torch.testing.assert_close(ours[1], scores, atol=1e-2, rtol=1e-3)
        in_training = fresh.train()(learned.batch.images)[1]
        torch.testing.assert_close(in_training, scores, atol=1e-2, rtol=1e-3)


def test_nothing_but_empty_pictures_teaches_nothing_wrong() -> None:
    blank = Batch(
        torch.zeros(2, 1, 64, 64), [torch.zeros(0, 4)] * 2, [torch.zeros(0, dtype=torch.int64)] * 2
    )
    model, losses = train(blank, 1, 3)
    assert np.isfinite(losses).all()
    assert all(torch.isfinite(weight).all() for weight in model.state_dict().values())


def test_a_diverged_training_says_so() -> None:
    broken = discs(0)
    broken.images[:] = float("nan")
    with pytest.raises(ModelError, match="step 1"):
        train(broken, 2, 2)


def test_no_default_box_answers_for_two_objects() -> None:
    model = SsdModel(1)
    images = torch.rand(2, 1, 64, 64)
    twins = torch.tensor([[20.0, 20, 40, 40], [22.0, 20, 42, 40]])
    batch = Batch(images, [torch.zeros(0, 4), twins], [torch.zeros(n).long() for n in (0, 2)])
    match = match_boxes(model.answers(images), batch)
    assert len(match.slots.unique()) == len(match.slots)
    assert set(match.objects.tolist()) == {0, 1}
    boxes = default_boxes(64, 64)
    assert match.slots.min() >= len(boxes)
    chosen = boxes[match.slots - len(boxes)]
    assert overlaps(chosen, twins)[range(len(chosen)), match.objects].min() > 0.3


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_onnx_file_says_what_the_model_says(learned: Learned, runtime: str, tmp_path: Path) -> None:
    engine = pytest.importorskip(runtime)
    pytest.importorskip("onnx")
    path = tmp_path / "ssd.onnx"
    SSD.export(learned.model, path, "ab", SIZE)
    assert path.stat().st_size < 5e6
    images = torch.zeros(1, 1, 96, 160)
    images[..., :SIZE] = learned.batch.images[1]
    with torch.no_grad():
        expected = learned.model(images)
    if runtime == "openvino":
        compiled = engine.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found = list(compiled(images.numpy()).values())
    else:
        found = engine.InferenceSession(path).run(None, {"images": images.numpy()})
    for mine, theirs in zip(expected, found, strict=True):
        np.testing.assert_allclose(theirs, mine.numpy(), rtol=1e-5, atol=1e-4)
