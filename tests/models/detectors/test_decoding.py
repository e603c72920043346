"""Decoding: what networks say, as boxes; the same as ultralytics reads in it."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.models.detectors.learned.decoding import ScoredBoxes, Thresholds, decode, nms
from pursuit.models.detectors.learned.heads import head_of

BOXES = np.array([[10, 10, 30, 40], [11, 10, 31, 40], [100, 90, 120, 99]], np.float32)


def as_centred(boxes):
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def outputs_of(head, boxes, scores):
    """What a network with that head says for boxes (N, 4) and scores (N, classes)."""
    if head == "yolo":
        return [np.concatenate([as_centred(boxes), scores], axis=1).T[None].astype(np.float32)]
    if head == "ssd":
        return [boxes[None], scores[None].astype(np.float32)]
    best = scores.argmax(axis=1)
    rows = [boxes, scores.max(axis=1)[:, None], best[:, None]]
    return [np.concatenate(rows, axis=1)[None].astype(np.float32)]


def wanting(most, *scores):
    """Thresholds with the least score of each class, and the size of the input."""
    return Thresholds(np.array(scores, np.float32), 0.5, most), (128, 128)


@pytest.mark.parametrize("head", ["yolo", "ssd"])
def test_doubles_of_a_class_are_one_object(head):
    scores = np.array([[0.6, 0.1], [0.8, 0.2], [0.1, 0.5]])
    found = decode(outputs_of(head, BOXES, scores), head, *wanting(10, 0.25, 0.25))
    np.testing.assert_allclose(found.boxes, BOXES[1:])
    np.testing.assert_allclose(found.scores, [0.8, 0.5])
    np.testing.assert_array_equal(found.classes, [0, 1])
    scores[0] = [0.1, 0.6]
    assert len(decode(outputs_of(head, BOXES, scores), head, *wanting(10, 0.25, 0.25)).scores) == 3


@pytest.mark.parametrize("head", ["yolo", "ssd", "yolo-nms-free"])
def test_thresholds_classes_limit_and_nonsense(head):
    scores = np.array([[0.6, 0.1], [0.3, 0.2], [0.1, 0.5]])
    apart = BOXES + np.array([[0], [200], [0]], np.float32)
    said = outputs_of(head, apart, scores)
    assert decode(said, head, *wanting(10, 0.25, 0.25)).classes.tolist() == [
        0,
        1,
        0,
    ]
    assert decode(said, head, *wanting(2, 0.25, 0.25)).classes.tolist() == [
        0,
        1,
    ]
    assert decode(said, head, *wanting(10, 0.4, 0.55)).classes.tolist() == [0]
    assert decode(said, head, *wanting(10, np.inf, 0.25)).classes.tolist() == [1]
    broken = outputs_of(head, np.where(apart == apart[0], np.nan, apart), scores)
    assert decode(broken, head, *wanting(10, 0.25, 0.25)).classes.tolist() == [
        1,
        0,
    ]
    nothing = outputs_of(head, apart, 0 * scores)
    assert len(decode(nothing, head, *wanting(10, 0.25, 0.25)).scores) == 0


def slow_nms(boxes, classes, iou):
    kept = []
    for row, box in enumerate(boxes):
        for other in kept:
            sides = np.minimum(box[2:], boxes[other][2:]) - np.maximum(box[:2], boxes[other][:2])
            both = np.maximum(sides, 0).prod()
            union = sum((b[2:] - b[:2]).prod() for b in (box, boxes[other])) - both
            if classes[row] == classes[other] and both > iou * union:
                break
        else:
            kept.append(row)
    return kept


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.sampled_from([0.3, 0.5, 0.7]))
def test_suppression_is_greedy_in_each_class(seed, count, iou):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 60, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(5, 40, (count, 2))], axis=1).astype(np.float32)
    classes = rng.integers(0, 3, count).astype(np.int32)
    scores = -np.sort(-rng.uniform(0, 1, count)).astype(np.float32)
    kept = nms(ScoredBoxes(boxes, scores, classes), iou)
    assert kept.tolist() == slow_nms(boxes.astype(float), classes, iou)


@pytest.mark.parametrize(
    "architecture, end2end",
    [("yolov8n", False), ("yolo11n", False), ("yolo26n", False), ("yolo26n", True)],
)
def test_boxes_are_those_that_ultralytics_reads(architecture, end2end, tmp_path):
    os.environ.setdefault("YOLO_CONFIG_DIR", str(tmp_path))
    os.environ.setdefault("YOLO_OFFLINE", "true")
    torch = pytest.importorskip("torch")
    pytest.importorskip("ultralytics")
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils.nms import non_max_suppression

    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = DetectionModel(f"{architecture}.yaml", nc=3, verbose=False).eval()
    model.end2end = end2end
    with torch.no_grad():
        raw = model(torch.rand(1, 3, 96, 128))
    raw = raw[0] if isinstance(raw, tuple) else raw
    raw = raw.float()
    if not end2end:  # untrained scores are all alike, near zero
        raw[:, 4:] = torch.rand(raw[:, 4:].shape) ** 3
        raw[:, 2:4] *= 4
    else:
        raw[..., 4] = torch.sort(torch.rand(raw.shape[:2]), descending=True)[0]
    (head,) = head_of([tuple(raw.shape)], 3)
    assert head == ("yolo-nms-free" if end2end else "yolo")
    wanted = np.asarray(non_max_suppression(raw.clone(), 0.25, 0.5, nc=3)[0])
    found = decode([raw.numpy()], head, *wanting(300, 0.25, 0.25, 0.25))
    assert 0 < len(wanted) == len(found.scores)
    np.testing.assert_allclose(found.boxes, wanted[:, :4], atol=1e-3)
    np.testing.assert_allclose(found.scores, wanted[:, 4], atol=1e-6)
    np.testing.assert_array_equal(found.classes, wanted[:, 5])
