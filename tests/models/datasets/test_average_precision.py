"""Mean average precision against cases counted by hand and COCO's own evaluation."""

from __future__ import annotations

import numpy as np
import pytest
from pursuit.models.datasets.average_precision import AveragePrecision

SQUARES = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10]], float)


def of_one_class(truth, boxes, scores):
    precision = AveragePrecision(["cell"])
    precision.add(truth, np.zeros(len(truth)), boxes, scores, np.zeros(len(boxes)))
    return precision.result()


def test_everything_found_is_one():
    scores = of_one_class(SQUARES, SQUARES, [0.9, 0.8, 0.7, 0.6])
    assert scores.map50 == scores.map50_95 == 1.0
    assert scores.per_class["cell"].objects == 4


def test_half_found_reaches_half_of_the_recalls():
    assert of_one_class(SQUARES, SQUARES[:2], [0.9, 0.8]).map50 == pytest.approx(51 / 101)


def test_a_false_box_costs_only_below_its_score():
    stray = [[200, 200, 210, 210]]
    boxes = np.concatenate([SQUARES, stray])
    assert of_one_class(SQUARES, boxes, [0.9, 0.8, 0.7, 0.6, 0.5]).map50 == 1.0
    assert of_one_class(SQUARES, boxes, [0.9, 0.8, 0.7, 0.6, 0.95]).map50 == pytest.approx(0.8)


def test_a_second_box_on_one_object_is_false():
    boxes = SQUARES[[0, 0, 1, 2, 3]]
    ranks = of_one_class(SQUARES, boxes, [0.9, 0.8, 0.7, 0.6, 0.5])
    assert ranks.map50 == pytest.approx((26 * 1.0 + 75 * 0.8) / 101)


def test_a_shifted_box_counts_up_to_its_overlap():
    shifted = SQUARES + np.array([1, 0, 1, 0])  # 9 / 11 = 0.82: found at 7 of the 10 thresholds
    scores = of_one_class(SQUARES, shifted, np.ones(4))
    assert (scores.map50, scores.map50_95) == (1.0, pytest.approx(0.7))


def test_classes_without_objects_do_not_count():
    precision = AveragePrecision(["cell", "worm", "spot"])
    precision.add(SQUARES, [0, 0, 1, 1], SQUARES, [0.9, 0.9, 0.9, 0.9], [0, 0, 2, 2])
    scores = precision.result()
    assert set(scores.per_class) == {"cell", "worm"}
    assert scores.per_class["worm"].map50 == 0.0
    assert scores.map50 == 0.5


def test_nothing_at_all():
    empty = np.empty((0, 4))
    precision = AveragePrecision(["cell"])
    assert precision.result().map50 == 0.0
    precision.add(empty, [], empty, [], [])
    assert precision.result().per_class == {}
    precision.add(SQUARES, np.zeros(4), empty, [], [])
    assert precision.result().per_class["cell"].map50_95 == 0.0


@pytest.mark.parametrize(
    ("scores", "classes"), [([0.5], [0, 0]), ([0.5, np.nan], [0, 0]), ([0.5, 0.5], [0, 1])]
)
def test_what_does_not_fit_is_refused(scores, classes):
    with pytest.raises(ValueError, match=r"class|score"):
        AveragePrecision(["cell"]).add(SQUARES, np.zeros(4), SQUARES[:2], scores, classes)


def crowded_image(rng):
    """Truth of two classes, and boxes around it that miss, repeat, stray and mix up."""
    n = int(rng.integers(5, 40))
    corner = rng.uniform(0, 200, (n, 2))
    truth = np.concatenate([corner, corner + rng.uniform(8, 40, (n, 2))], axis=1)
    kinds = rng.integers(0, 2, n)
    rows = rng.integers(0, n, 2 * n)
    boxes = truth[rows] + rng.normal(0, 2.0, (2 * n, 4)).clip(-3.9, 3.9)
    found = np.where(rng.random(2 * n) < 0.9, kinds[rows], 1 - kinds[rows])
    return truth, kinds, boxes, rng.random(2 * n), found


def coco_rows(image_id, boxes, classes):
    """Boxes as COCO's files have them, numbered from 1."""
    return [
        {
            "image_id": image_id,
            "category_id": int(kind) + 1,
            "bbox": [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()],
            "area": float((box[2:] - box[:2]).prod()),
            "iscrowd": 0,
        }
        for box, kind in zip(boxes, classes, strict=True)
    ]


def test_agrees_with_coco_at_every_threshold():
    coco = pytest.importorskip("faster_coco_eval")
    rng = np.random.default_rng(3)
    images = [crowded_image(rng) for _ in range(40)]
    ours = AveragePrecision(["cell", "worm"])
    truth, found = [], []
    for image_id, (boxes, kinds, seen, scores, seen_kinds) in enumerate(images, 1):
        ours.add(boxes, kinds, seen, scores, seen_kinds)
        truth += coco_rows(image_id, boxes, kinds)
        rows = coco_rows(image_id, seen, seen_kinds)
        found += [row | {"score": float(score)} for row, score in zip(rows, scores, strict=True)]
    theirs = coco.COCO()
    theirs.dataset = {
        "info": {},
        "images": [{"id": image_id + 1} for image_id in range(len(images))],
        "categories": [{"id": 1, "name": "cell"}, {"id": 2, "name": "worm"}],
        "annotations": [row | {"id": number} for number, row in enumerate(truth, 1)],
    }
    theirs.createIndex()
    judged = coco.COCOeval_faster(theirs, theirs.loadRes(found), "bbox", print_function=str)
    judged.params.maxDets = [1, 10, 1000]
    judged.evaluate()
    judged.accumulate()
    precision = judged.eval["precision"][:, :, :, 0, 2]
    result = ours.result()
    assert result.map50_95 == pytest.approx(precision.mean(), abs=1e-12)
    for index, name in enumerate(("cell", "worm")):
        scores = result.per_class[name]
        assert scores.map50 == pytest.approx(precision[0, :, index].mean(), abs=1e-12)
        assert scores.map50_95 == pytest.approx(precision[:, :, index].mean(), abs=1e-12)
