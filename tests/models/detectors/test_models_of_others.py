"""Models as others export them: read as they are meant, or refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pursuit.models.card import ModelCard
from pursuit.models.detectors.learned.decoding import Thresholds, decode
from pursuit.models.detectors.learned.heads import Head, head_of
from pursuit.models.detectors.learned.metadata import ModelInfo, describe
from pursuit.models.errors import ModelError
from pursuit.models.runtimes.runtime import Tensor

SIZE = 96, 128
"""Height and width of an input."""
CENTRED = np.array([[40, 48, 32, 20], [100, 60, 16, 32]], np.float32)
"""Two objects: the first of the first class, the other of the last."""
SIGNS = np.array([1, 1, -1, 1, 1, 1], np.float32)[:, None]
SHARES = np.array([1 / 128, 1 / 96, 1 / 128, 1 / 96, 1, 1], np.float32)[:, None]
CARD = ModelCard(
    name="mine", architecture="fake", head="yolo-nms-free", classes=("small", "large"), stride=16
)


class Says:
    """Stands for a network that says the same of every image."""

    name, device = "fake", "a processor"

    def __init__(self, answer: tuple[np.ndarray, ...], channels: int = 1) -> None:
        self.answer = answer
        self.inputs = (Tensor("input", (1, channels, *SIZE)),)
        self.outputs = tuple(Tensor("output", one.shape) for one in answer)

    def run(self, pixels: np.ndarray) -> list[np.ndarray]:
        assert pixels.shape == self.inputs[0].shape
        return list(self.answer)

    def warm_up(self, height: int, width: int) -> None: ...

    def close(self) -> None: ...


def scores_of(classes: int, rows: int, best: float = 0.9) -> np.ndarray:
    """Little for all but two rows, with a second class that is less likely."""
    scores = np.full((rows, classes), 0.003, np.float32)
    scores[0, 0], scores[1, -1] = best, best - 0.1
    return scores


def answers(head: str, classes: int, rows: int = 60) -> tuple[np.ndarray, ...]:
    """What a network with that head says of the two objects, and of nothing else."""
    boxes = np.ones((rows, 4), np.float32)
    boxes[:2] = CENTRED
    scores = scores_of(classes, rows)
    corners = np.hstack([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2])
    if head == "yolo":
        return (np.hstack([boxes, scores]).T[None].copy(),)
    if head == "yolo-objectness":
        sure = np.full((rows, 1), 0.01, np.float32)
        sure[:2] = 0.95
        return (np.hstack([boxes, sure, scores / 0.95])[None],)
    if head == "rt-detr":
        height, width = SIZE
        return (np.hstack([boxes / [width, height, width, height], scores])[None],)
    if head == "ssd":
        return corners[None], scores[None]
    best = scores.max(1, keepdims=True), scores.argmax(1)[:, None]
    return (np.hstack([corners, *best])[None].astype(np.float32),)


def fake_onnx(path: Path, **metadata: str) -> Path:
    """A file whose metadata can be read, with a large field to be skipped."""
    parts = [b"\x08\x09", b"\x3a\x80\x80\x01" + bytes(16384)]
    for key, value in metadata.items():
        entry = b"".join(
            bytes([tag, len(text)]) + text.encode() for tag, text in ((10, key), (18, value))
        )
        parts.append(bytes([0x72, len(entry)]) + entry)
    path.write_bytes(b"".join(parts))
    return path


def described(
    folder: Path, head: str, classes: int, **metadata: str
) -> tuple[ModelInfo, tuple[np.ndarray, ...]]:
    """What is known of a model without a card, and what it answers."""
    names = str([str(index) for index in range(classes)])
    path, said = fake_onnx(folder / "mine.onnx", names=names, **metadata), answers(head, classes)
    return describe(path, Says(said)), said


HEADS = ["yolo", "yolo-nms-free", "yolo-objectness", "rt-detr", "ssd"]


@pytest.mark.parametrize("classes", [1, 2, 3, 8])
@pytest.mark.parametrize("head", HEADS)
def test_a_model_without_a_card_is_read_as_it_is_meant(
    tmp_path: Path, head: str, classes: int
) -> None:
    """One class of YOLO 5 and two of RT-DETR have the shape of boxes that are suppressed."""
    info, said = described(tmp_path, head, classes)
    assert info.card.head == head
    least = np.full(classes, 0.25, np.float32)
    found = decode(said, info.card.head, Thresholds(least, 0.6, 10), SIZE)
    middles = np.hstack([CENTRED[:, :2] - CENTRED[:, 2:] / 2, CENTRED[:, :2] + CENTRED[:, 2:] / 2])
    np.testing.assert_allclose(found.boxes, middles, atol=1e-3)
    np.testing.assert_allclose(found.scores, [0.9, 0.9 if classes == 1 else 0.8][:2], atol=0.11)
    assert found.classes.tolist() == [0, classes - 1]


def test_where_its_numbers_tell_nothing_the_metadata_do(tmp_path: Path) -> None:
    nothing = (np.zeros((1, 300, 6), np.float32),)
    path = fake_onnx(tmp_path / "a.onnx", names="['a', 'b']", description="rtdetr-l model")
    assert describe(path, Says(nothing)).card.head == "rt-detr"
    path = fake_onnx(tmp_path / "b.onnx", names="['a', 'b']", args="{'nms': True}")
    assert describe(path, Says(nothing)).card.head == "yolo-nms-free"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (answers("yolo", 2)[0] * SIGNS, "boxes have negative sizes"),
        (answers("yolo", 2)[0] * 7, "scores go from 0 to 6.3"),
        (np.full((1, 6, 60), np.nan, np.float32), "some of its numbers are not finite"),
        (answers("yolo", 2)[0] * SHARES, "boxes are in shares of the picture, not in its pixels"),
        (answers("rt-detr", 2)[0] * 640, "classes are not whole .* and scores go from 0 to 576"),
    ],
)
def test_numbers_that_cannot_be_what_they_would_be_taken_for_are_refused(
    tmp_path: Path, answer: np.ndarray, why: str
) -> None:
    path = fake_onnx(tmp_path / "odd.onnx", names="['a', 'b']")
    with pytest.raises(ModelError, match=rf"odd\.onnx gives cannot be read as .*{why}.*card"):
        describe(path, Says((answer,)))


@pytest.mark.parametrize("head", ["yolo", "yolo-nms-free"])
def test_a_few_boxes_inside_out_are_no_contradiction(tmp_path: Path, head: str) -> None:
    """YOLO 26 does not bound how far edges are from a cell: of noise some are on the wrong side."""
    (said,) = answers(head, 2)
    rows = said[0].T if head == "yolo" else said[0]
    rows[-3:, 2] -= 5.0
    path = fake_onnx(tmp_path / "mine.onnx", names="['a', 'b']")
    assert describe(path, Says((said,))).card.head == head


def test_a_model_without_a_card_is_known_by_its_metadata(tmp_path: Path) -> None:
    path = fake_onnx(
        tmp_path / "mine.onnx", task="detect", stride="32", names="{0: 'cell', 1: 'worm'}"
    )
    info = describe(path, Says(answers("yolo", 2), channels=3))
    assert info.card.classes == ("cell", "worm") and info.card.head == "yolo"
    assert info.card.channels == 3 and info.card.stride == 32
    assert not info.has_object_size and "no card" in info.note


@pytest.mark.parametrize("names", ["{'1': 'b', '0': 'a'}", '{"0": "a", "1": "b"}', "('a', 'b')"])
def test_class_names_may_be_numbered_in_text(tmp_path: Path, names: str) -> None:
    path = fake_onnx(tmp_path / "mine.onnx", names=names)
    assert describe(path, Says(answers("yolo", 2))).card.classes == ("a", "b")


def test_a_card_that_disagrees_with_the_model_is_refused(tmp_path: Path) -> None:
    path = fake_onnx(tmp_path / "mine.onnx", names="{0: 'small', 1: 'large'}")
    CARD.write(path.with_suffix(".json"))
    boxes = answers("yolo-nms-free", 2)
    assert describe(path, Says(boxes)).card == CARD
    for channels, said, words in (
        (3, boxes, "channels 1 in the card, 3 in the model"),
        (1, answers("yolo", 2), "head yolo-nms-free in the card, yolo in the model"),
        (1, answers("yolo", 80), "not those of a detector of 2 classes"),
    ):
        with pytest.raises(ModelError, match=words):
            describe(path, Says(said, channels))
    fake_onnx(path, names="{0: 'small'}")
    with pytest.raises(ModelError, match="classes 2 in the card, 1 in the model"):
        describe(path, Says(boxes))


def test_models_of_which_too_little_is_known_are_refused(tmp_path: Path) -> None:
    says = Says(answers("yolo", 1))
    with pytest.raises(ModelError, match=r"put its model card beside it as bare\.json"):
        describe(fake_onnx(tmp_path / "bare.onnx"), says)
    with pytest.raises(ModelError, match="is for the task segment"):
        describe(fake_onnx(tmp_path / "seg.onnx", task="segment", names="{0: 'a'}"), says)
    with pytest.raises(ModelError, match=r"class names .* cannot be read"):
        describe(fake_onnx(tmp_path / "odd.onnx", names="__import__('os')"), says)
    with pytest.raises(ModelError, match="not numbered from 0 without a gap: 1, 2; export"):
        describe(fake_onnx(tmp_path / "gap.onnx", names="{1: 'a', 2: 'b'}"), says)
    with pytest.raises(ModelError, match=r"takes pictures of 4 channels: use a detector for grey"):
        describe(fake_onnx(tmp_path / "four.onnx", names="{0: 'a'}"), Says(says.answer, 4))
    whole = fake_onnx(tmp_path / "cut.onnx", names="{0: 'a'}")
    whole.write_bytes(whole.read_bytes()[:-3])
    with pytest.raises(ModelError, match="damaged or cut off"):
        describe(whole, says)
    with pytest.raises(ModelError, match="cannot be read"):
        describe(tmp_path / "none.onnx", says)


def test_the_head_is_told_by_the_outputs() -> None:
    told: list[tuple[tuple[int, ...], int, tuple[Head, ...]]] = [
        ((1, 84, 8400), 80, ("yolo",)),
        ((-1, 7, -1), 3, ("yolo",)),
        ((1, 300, 6), 80, ("yolo-nms-free",)),
        ((1, 6, 2100), 2, ("yolo",)),
        ((1, 25200, 85), 80, ("yolo-objectness",)),
        ((1, 300, 84), 80, ("rt-detr",)),
        ((1, 300, 6), 1, ("yolo-nms-free", "yolo-objectness")),
        ((1, 300, 6), 2, ("yolo-nms-free", "rt-detr")),
    ]
    for shape, classes, heads in told:
        assert head_of([shape], classes) == heads
    assert head_of([(1, -1, 4), (1, -1, 3)], 3) == ("ssd",)
    for shapes in ([(1, 84, 8400)], [(1, 39, 2100), (1, 32, 160, 160)], [(1, 1000)], []):
        with pytest.raises(ModelError, match="not those of a detector of 3 classes"):
            head_of(shapes, 3)
