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
