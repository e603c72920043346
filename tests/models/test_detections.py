"""The struct of arrays that every detector returns."""

import numpy as np
import pytest
from pursuit.models.detections import Detections


def test_what_is_not_told_has_defaults():
    found = Detections.of([[0, 2, 4, 8], [1, 1, 2, 2]])
    assert len(found) == 2
    np.testing.assert_array_equal(found.centres_px, [[2, 5], [1.5, 1.5]])
    np.testing.assert_array_equal(found.sizes_px, [[4, 6], [1, 1]])
    np.testing.assert_array_equal(found.scores, [1, 1])
    np.testing.assert_array_equal(found.classes, [0, 0])
    np.testing.assert_array_equal(found.brightness, [0, 0])
    assert found.boxes_px.dtype == found.centres_px.dtype == np.float32


def test_rows_that_are_not_finite_are_dropped_from_every_column():
    found = Detections.of(
        [[0, 0, 1, 1], [0, 0, np.nan, 1], [2, 2, 3, 3]],
        scores=[0.1, 0.2, 0.3],
        centres_px=[[0, 0], [1, 1], [np.inf, 1]],
    )
    assert len(found) == 1
    np.testing.assert_allclose(found.scores, [0.1])


def test_columns_of_another_length_are_refused():
    with pytest.raises(ValueError, match="2 rows in every column"):
        Detections.of(np.zeros((2, 4)), scores=[1.0])


def test_none_is_empty():
    assert len(Detections.none()) == 0
    assert Detections.none().sizes_px.shape == (0, 2)


def test_masks_cover_their_boxes_and_go_with_their_rows():
    masks = [np.ones((3, 2), bool), np.ones((9, 9), bool), np.eye(2)]
    boxes = [[-0.5, 0.5, 1.5, 3.5], [0, np.nan, 9, 9], [4.5, 4.5, 6.5, 6.5]]
    found = Detections.of(boxes, masks=masks)
    assert found.masks is not None
    assert [mask.shape for mask in found.masks] == [(3, 2), (2, 2)]
    assert all(mask.dtype == bool for mask in found.masks)
    last = found.pick(np.array([False, True])).shifted(10, 20)
    np.testing.assert_array_equal(last.boxes_px, [[14.5, 24.5, 16.5, 26.5]])
    np.testing.assert_array_equal(last.centres_px, [[15.5, 25.5]])
    assert last.masks is not None
    np.testing.assert_array_equal(last.masks, [np.eye(2)])
    assert Detections.none().masks is None


@pytest.mark.parametrize(
    ("box", "sentence"),
    [
        ([0, 0.5, 2, 3.5], "along the edges of pixels"),
        ([-0.5, -0.5, 2.5, 1.5], r"shape \(3, 2\) does not cover its box of 2 × 3 pixels"),
    ],
)
def test_masks_that_do_not_cover_their_boxes_are_refused(box, sentence):
    with pytest.raises(ValueError, match=sentence):
        Detections.of([box], masks=[np.ones((3, 2), bool)])
    with pytest.raises(ValueError, match="1 rows in every column"):
        Detections.of([box], masks=[])


def test_what_was_found_in_several_parts_is_put_together_without_repeats() -> None:
    first = Detections.of([[0, 0, 10, 10], [20, 0, 30, 10]], [0.5, 0.6])
    second = Detections.of([[1, 0, 11, 10], [40, 0, 50, 10], [41, 0, 51, 10]], [0.9, 0.7, 0.3])
    joined = Detections.joined([first, second])
    assert joined.scores.tolist() == pytest.approx([0.5, 0.6, 0.7, 0.3])
    assert Detections.joined([first]) is first
    assert len(Detections.joined([])) == 0
    assert len(Detections.joined([Detections.none(), second])) == 3
