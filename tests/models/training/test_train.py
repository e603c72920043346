"""From a folder of images to a detector that is used like the shipped ones."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from pursuit.controller.datasets import rendered_dataset
from pursuit.models.card import ModelCard
from pursuit.models.datasets import evaluate, read_dataset
from pursuit.models.datasets.average_precision import matched
from pursuit.models.detectors import create
from pursuit.models.errors import ModelError
from pursuit.models.export import export_model
from pursuit.models.training.detector import Recipe, train_detector


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright discs with their label maps."""
    folder = tmp_path_factory.mktemp("discs")
    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    rng = np.random.default_rng(0)
    for i in range(24):
        image = rng.normal(60, 4, (128, 128))
        labels = np.zeros((128, 128), np.uint8)
        for k, (x, y) in enumerate([(32, 32), (96, 32), (32, 96), (96, 96)], start=1):
            centre = np.array([x, y]) + rng.integers(-10, 11, 2)
            cv2.circle(labels, centre.tolist(), int(rng.integers(12, 18)), k, -1)
        image[labels > 0] += 100
        cv2.imwrite(str(folder / "images" / f"{i}.png"), image.clip(0, 255).astype(np.uint8))
        cv2.imwrite(str(folder / "labels" / f"{i}.png"), labels)
    return folder


@pytest.fixture(scope="module")
def trained(images: Path) -> tuple[Path, ModelCard]:
    torch.manual_seed(0)
    path = images / "out" / "discs.onnx"
    recipe = Recipe(arch="ssd", steps=60, batch=4, tile_px=96, object_px=24.0)
    return path, train_detector([read_dataset(images, "disc")], recipe, path)


def test_a_short_training_finds_easy_things(trained: tuple[Path, ModelCard], images: Path) -> None:
    path, card = trained
    assert ModelCard.read(path.with_suffix(".json")) == card
    assert card.classes == ("disc",)
    (note,) = card.data
    assert note.images + note.held_back == 24 and note.held_back > 0
    assert note.map50 is not None and note.map50 > 0.5
    held_back = read_dataset(images, "disc").split(0.2)[1]
    assert evaluate(path, held_back).map50 == pytest.approx(note.map50, abs=1e-3)


def test_it_is_a_detector(trained: tuple[Path, ModelCard], images: Path) -> None:
    path, _ = trained
    detector = create("ssd", {"weights": str(path), "score": 0.05, "max_objects": 4})
    sample = read_dataset(images, "disc").samples[0]
    found = detector.detect(sample.load())
    middles = (sample.boxes_px[:, :2] + sample.boxes_px[:, 2:]) / 2
    apart = np.hypot(*(middles[:, None] - found.centres_px[None]).transpose(2, 0, 1)).min(axis=1)
    assert (apart < 4).mean() >= 0.75


def test_weights_go_out_without_code(trained: tuple[Path, ModelCard], tmp_path: Path) -> None:
    path, _ = trained
    weights, card = export_model(path, "torch", tmp_path)
    assert card.name == "discs.json"
    read = torch.load(weights, weights_only=True)
    assert sum(tensor.numel() for tensor in read.values()) > 1e6


def test_too_few_images_are_refused(images: Path, tmp_path: Path) -> None:
    dataset = read_dataset(images, "disc")
    few = type(dataset)(dataset.name, dataset.classes, dataset.samples[:1])
    with pytest.raises(ModelError, match="too few images"):
        train_detector([few], Recipe(held_back=0.99), tmp_path / "x.onnx")


def test_images_of_nothing_are_learned_from_beside_others(images: Path, tmp_path: Path) -> None:
    discs, empty = read_dataset(images, "disc"), rendered_dataset("empty field", 12, 128)
    recipe = Recipe(arch="ssd", steps=2, batch=2, tile_px=96)
    card = train_detector([discs, empty], recipe, tmp_path / "both.onnx")
    assert card.classes == ("disc",)
    assert [note.map50 is None for note in card.data] == [False, True]
    with pytest.raises(ModelError, match="nothing is annotated"):
        train_detector([empty], recipe, tmp_path / "none.onnx")


def test_classes_are_matched_by_name() -> None:
    assert matched(("RBC", "spot"), ("rbc",)).tolist() == [0, -1]
    assert matched(("cell", "spot"), ("thing",)).tolist() == [0, 0]
    with pytest.raises(ModelError, match="knows no class wbc"):
        matched(("RBC", "spot"), ("rbc", "wbc"))
