"""Annotated folders of every kind are read alike, and what does not fit is said."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pursuit.models.datasets import read_dataset
from pursuit.models.errors import ModelError

BOX = (10, 20, 30, 60)
"""Left, top, right, bottom in pixel edges."""
IN_PIXELS = (9.5, 19.5, 29.5, 59.5)


def picture(folder: Path, name: str = "a", shape: tuple[int, ...] = (100, 80)) -> Path:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    path = folder / "images" / f"{name}.png"
    cv2.imwrite(str(path), np.zeros(shape, np.uint8))
    return path


def label_map(folder: Path, shape: tuple[int, int] = (100, 80)) -> None:
    picture(folder)
    (folder / "labels").mkdir()
    labels = np.zeros(shape, np.uint16)
    labels[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 7
    cv2.imwrite(str(folder / "labels" / "a.png"), labels)


def yolo(folder: Path, line: str = "0 0.25 0.4 0.25 0.4") -> None:
    picture(folder)
    (folder / "labels").mkdir()
    (folder / "labels" / "a.txt").write_text(line + "\n")


def voc(folder: Path) -> None:
    picture(folder)
    (folder / "annotations").mkdir()
    (folder / "annotations" / "a.xml").write_text(
        "<annotation><object><name>cell</name><bndbox><xmin>11</xmin><ymin>21</ymin>"
        "<xmax>30</xmax><ymax>60</ymax></bndbox></object></annotation>"
    )


def coco(folder: Path) -> None:
    picture(folder)
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 5, "name": "cell"}],
        "annotations": [{"image_id": 1, "category_id": 5, "bbox": [10, 20, 20, 40]}],
    }
    (folder / "labels.json").write_text(json.dumps(content))


@pytest.mark.parametrize("make", [label_map, yolo, voc, coco])
def test_every_format_gives_the_same_box(tmp_path: Path, make) -> None:
    make(tmp_path / "data")
    dataset = read_dataset(tmp_path / "data", "cell")
    assert dataset.classes == ("cell",)
    (sample,) = dataset.samples
    np.testing.assert_allclose(sample.boxes_px, [IN_PIXELS], atol=1e-4)
    assert sample.classes.tolist() == [0]
    assert sample.load().shape == (100, 80)


def test_colours_become_grey(tmp_path: Path) -> None:
    yolo(tmp_path)
    picture(tmp_path, shape=(100, 80, 3))
    assert read_dataset(tmp_path).samples[0].load().shape == (100, 80)


def test_an_image_without_objects_is_a_sample_too(tmp_path: Path) -> None:
    yolo(tmp_path)
    picture(tmp_path, "empty")
    (tmp_path / "labels" / "empty.txt").write_text("")
    assert sorted(len(s.boxes_px) for s in read_dataset(tmp_path).samples) == [0, 1]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 0.5 0.5 0.2", "line 1 of"),
        ("0 25 40 25 40", "does not fit"),
        ("0 0.9 0.4 0.5 0.4", "do not fit"),
        ("cell 0.5 0.5 0.1 0.1", "not of the form"),
        ("0 nan 0.5 0.1 0.1", "does not fit"),
    ],
)
def test_labels_that_do_not_fit_are_named(tmp_path: Path, line: str, said: str) -> None:
    yolo(tmp_path, line)
    with pytest.raises(ModelError, match=said):
        read_dataset(tmp_path)


def test_a_label_map_of_another_size_is_refused(tmp_path: Path) -> None:
    label_map(tmp_path, (90, 80))
    with pytest.raises(ModelError, match="does not fit its image, which is 80 × 100"):
        read_dataset(tmp_path)


def test_a_class_that_data_yaml_does_not_name_is_refused(tmp_path: Path) -> None:
    yolo(tmp_path, "3 0.5 0.5 0.1 0.1")
    (tmp_path / "data.yaml").write_text("names: [cell, worm]\n")
    with pytest.raises(ModelError, match=r"class 3, but data\.yaml names only 2"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("make_folder", [True, False])
def test_a_folder_without_labels_is_refused(tmp_path: Path, make_folder: bool) -> None:
    folder = tmp_path / "data"
    if make_folder:
        picture(folder)
    with pytest.raises(ModelError, match=r"no labels that can be read|there is no folder"):
        read_dataset(folder)


def test_copies_of_an_image_stay_on_one_side(tmp_path: Path) -> None:
    yolo(tmp_path)
    for i in range(40):
        for copy in range(3):
            name = f"im{i}_png.rf.{copy}"
            picture(tmp_path, name)
            (tmp_path / "labels" / f"{name}.txt").write_text("0 0.5 0.5 0.1 0.1")
    learned, back = read_dataset(tmp_path).split(0.3)
    groups = [{sample.group for sample in part.samples} for part in (learned, back)]
    assert not groups[0] & groups[1]
    assert len(groups[0] | groups[1]) == 41
    assert 4 <= len(groups[1]) <= 20
