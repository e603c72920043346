"""Rendered frames as data sets: classes, their names, and what cannot be named."""

from __future__ import annotations

import numpy as np
import pytest
from pursuit.controller.datasets import rendered_dataset
from pursuit.models.errors import ModelError


def test_a_kind_of_one_class_can_be_named() -> None:
    dataset = rendered_dataset("long body", 3, 128, "fish")
    assert dataset.classes == ("fish",)
    assert {int(c) for sample in dataset.samples for c in sample.classes} <= {0}


def test_spots_in_nuclei_are_of_two_classes() -> None:
    dataset = rendered_dataset("spots in nuclei", 6, 192)
    assert dataset.classes == ("nucleus", "spot")
    assert {int(c) for sample in dataset.samples for c in sample.classes} == {0, 1}


def test_empty_fields_are_images_without_boxes() -> None:
    dataset = rendered_dataset("empty field", 3, 128)
    assert dataset.classes == () and len(dataset) == 3
    assert all(not len(sample.boxes_px) for sample in dataset.samples)
    assert dataset.samples[0].load().shape == (128, 128)


@pytest.mark.parametrize(
    ("kind", "said"), [("spots in nuclei", "nucleus and spot"), ("empty field", "nothing")]
)
def test_frames_of_several_classes_or_none_cannot_be_named(kind: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        rendered_dataset(kind, 2, 128, "cell")


def test_a_frame_is_the_same_each_time_it_is_loaded() -> None:
    sample = rendered_dataset("phase contrast cell", 2, 128).samples[1]
    np.testing.assert_array_equal(sample.load(), sample.load())
