"""Label images as programs save them: palettes, masks, large numbers, files of cellpose."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pursuit.models.datasets import read_dataset
from pursuit.models.errors import ModelError

from .pictures import BOX, HEIGHT, WIDTH, assert_one_box, picture

SECOND = (40, 30, 60, 70)
"""Box of a second object."""


def labels_of(*numbers: int, dtype: Any = np.uint8) -> np.ndarray:
    labels = np.zeros((HEIGHT, WIDTH), dtype)
    for number, (left, top, right, bottom) in zip(numbers, (BOX, SECOND), strict=False):
        labels[top:bottom, left:right] = number
    return labels


def save(folder: Path, labels: np.ndarray, name: str = "labels/a.png", image: str = "a") -> Path:
    picture(folder / f"images/{image}.png")
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".png":
        cv2.imwrite(str(path), labels)
    else:
        tifffile.imwrite(path, labels, photometric="minisblack")
    return path


def assert_boxes(folder: Path, *boxes: tuple[int, ...]) -> tuple[str, ...]:
    dataset = read_dataset(folder)
    (sample,) = dataset.samples
    found = sorted(sample.boxes_px.tolist())
    np.testing.assert_allclose(found, np.array(boxes) - 0.5)
    return dataset.notes


def test_indices_of_a_palette_are_the_labels(tmp_path: Path) -> None:
    path = save(tmp_path, labels_of(3, 4))
    image = Image.fromarray(labels_of(3, 4), "P")
    image.putpalette([0, 0, 0, *[200, 30, 30] * 255])
    image.save(path)
    assert not assert_boxes(tmp_path, BOX, SECOND)


def test_borders_of_pascal_voc_are_no_object(tmp_path: Path) -> None:
    labels = labels_of(1, 255)
    path = save(tmp_path, labels)
    image = Image.fromarray(labels, "P")
    image.putpalette([0, 0, 0, *[200, 30, 30] * 254, 224, 224, 192])
    image.save(path)
    assert_boxes(tmp_path, BOX)


@pytest.mark.parametrize("number", [1, 255])
def test_pieces_of_a_mask_are_the_objects_and_that_is_said(tmp_path: Path, number: int) -> None:
    save(tmp_path, labels_of(number, number))
    (note,) = assert_boxes(tmp_path, BOX, SECOND)
    assert note == (
        f"all objects have the same number, {number}: each connected piece is taken for one, and "
        "objects that touch are one"
    )


def test_masks_may_have_colours_of_equal_value_or_two_values(tmp_path: Path) -> None:
    save(tmp_path, np.repeat(labels_of(255, 255)[..., None], 3, axis=2))
    assert assert_boxes(tmp_path, BOX, SECOND)
    Image.fromarray(labels_of(1, 1) > 0).save(tmp_path / "labels/a.png")
    assert assert_boxes(tmp_path, BOX, SECOND)


def test_an_object_in_pieces_is_one_among_others(tmp_path: Path) -> None:
    labels = labels_of(1, 2)
    labels[BOX[1] + 15 : BOX[1] + 25] = 0
    labels[SECOND[1] : SECOND[3], SECOND[0] : SECOND[2]] = 2
    save(tmp_path, labels)
    save(tmp_path, labels_of(3, 4), "labels/b.png", "b")
    dataset = read_dataset(tmp_path)
    assert [len(sample.boxes_px) for sample in dataset.samples] == [2, 2]
    assert not dataset.notes


def test_numbers_for_classes_are_refused(tmp_path: Path) -> None:
    labels = labels_of(1, 1)
    labels[80:90, 10:20] = labels[80:90, 60:70] = 2
    save(tmp_path, labels)
    with pytest.raises(ModelError, match="numbers for classes, not for objects, as most are in"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("dtype", [np.uint32, np.float32])
def test_numbers_may_be_large_or_of_another_type(tmp_path: Path, dtype: Any) -> None:
    save(tmp_path, labels_of(3_000_000_000, 3_000_001_024, dtype=dtype), "labels/a.tif")
    assert not assert_boxes(tmp_path, BOX, SECOND)


@given(
    arrays(np.int64, (12, 9), elements=st.integers(-(2**40), 2**40) | st.integers(0, 2)),
    st.integers(-5, 2**41),
)
def test_objects_of_any_numbers_have_their_boxes(labels: np.ndarray, background: int) -> None:
    from pursuit.models.datasets.label_images import objects_in

    labels = np.where(labels == background, 0, labels)
    found = list(objects_in(labels))
    assert [number for number, _, _ in found] == np.unique(labels[labels > 0]).tolist()
    for number, place, mask in found:
        rows, columns = np.nonzero(labels == number)
        assert (place[0].start, place[0].stop) == (rows.min(), rows.max() + 1)
        assert (place[1].start, place[1].stop) == (columns.min(), columns.max() + 1)
        np.testing.assert_array_equal(mask, labels[place] == number)


@pytest.mark.parametrize(
    ("labels", "name", "said"),
    [
        (np.random.default_rng(0).integers(0, 9, (HEIGHT, WIDTH, 3)), "a.png", "has colours, not"),
        (labels_of(1, 2) + np.float32(0.5), "a.tif", "has fractions: it needs one integer"),
        (np.stack([labels_of(1, 2)] * 2), "a.tif", "is not a label map"),
        (labels_of(1)[:50], "a.png", "does not fit its image, which is 80 × 100"),
    ],
)
def test_images_that_are_no_labels_are_refused(
    tmp_path: Path, labels: np.ndarray, name: str, said: str
) -> None:
    save(tmp_path, labels.astype(np.uint8) if labels.ndim == 3 else labels, f"labels/{name}")
    with pytest.raises(ModelError, match=said):
        read_dataset(tmp_path)


def test_a_jpeg_is_refused_as_it_changes_numbers(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    picture(tmp_path / "labels/a.jpg")
    with pytest.raises(ModelError, match="a JPEG, which changes numbers: save it as PNG"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("folder", ["", "images/", "train/"])
@pytest.mark.parametrize("ending", ["_cp_masks.png", "_cp_masks.tif", "_masks.png"])
def test_label_images_beside_their_images_are_found(
    tmp_path: Path, folder: str, ending: str
) -> None:
    picture(tmp_path / f"{folder}a.png")
    path = tmp_path / f"{folder}a{ending}"
    write = tifffile.imwrite if ending.endswith("tif") else cv2.imwrite
    write(str(path), labels_of(7))
    assert_one_box(tmp_path)


def as_seg(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    np.save(path, content, allow_pickle=True)


@pytest.mark.parametrize("numbers", [(7,), (7, 70_000)])
def test_files_of_cellpose_are_read(tmp_path: Path, numbers: tuple[int, ...]) -> None:
    picture(tmp_path / "a.png")
    labels = labels_of(*numbers, dtype=np.uint32)
    about = {
        "masks": labels, "outlines": labels > 0, "flows": [labels.astype(np.float32), [1, 2]],
        "ismanual": np.zeros(2, bool), "est_diam": np.float64(20), "filename": "a.png",
        "chan_choose": [0, 0],
    }  # fmt: skip
    as_seg(tmp_path / "a_seg.npy", about)
    assert_boxes(tmp_path, *(BOX, SECOND)[: len(numbers)])


def test_label_images_that_cellpose_leaves_beside_its_file_are_copies(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    cv2.imwrite(str(tmp_path / "a_cp_masks.png"), labels_of(7))
    as_seg(tmp_path / "a_seg.npy", {"masks": labels_of(7, 8)})
    assert_boxes(tmp_path, BOX, SECOND)


class Harmful:
    """What a pickle could do to who reads it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("harmed"),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"masks": labels_of(7), "more": Harmful()}, r"it holds pathlib\.Path"),
        ({"outlines": labels_of(7)}, "is not of cellpose .'masks'.: save its masks as PNG"),
        ({"masks": np.stack([labels_of(7)] * 2)}, "are no label image of one plane"),
        (labels_of(7), "it holds an array only"),
    ],
)
def test_files_of_cellpose_can_do_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "a.png")
    as_seg(tmp_path / "a_seg.npy", content)
    with pytest.raises(ModelError, match=said):
        read_dataset(tmp_path)
    assert not (tmp_path / "harmed").exists()


def test_a_damaged_file_of_cellpose_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    for content in (b"", b"\x93NUMPY\1\0", pickle.dumps({"masks": 1})):
        (tmp_path / "a_seg.npy").write_bytes(content)
        with pytest.raises(ModelError, match="is not of cellpose"):
            read_dataset(tmp_path)
