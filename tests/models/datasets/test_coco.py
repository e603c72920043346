"""COCO files: layouts, boxes, outlines and masks of the programs that write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pursuit.models.datasets import read_dataset
from pursuit.models.errors import ModelError

from .pictures import BOX, HEIGHT, WIDTH, assert_one_box, picture, written

LEFT, TOP, RIGHT, BOTTOM = BOX
SIDES = [LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP]
OUTLINE = [LEFT, TOP, RIGHT, TOP + 5, LEFT + 3, BOTTOM]


def runs_of(mask: np.ndarray) -> list[int]:
    """Lengths of the runs outside and inside, column after column, the first outside."""
    pixels = mask.T.ravel()
    edges = np.flatnonzero(np.diff(pixels.astype(int))) + 1
    runs = np.diff(np.concatenate([[0], edges, [len(pixels)]])).tolist()
    return [0, *runs] if pixels[0] else runs


def mask_of_box() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[TOP:BOTTOM, LEFT:RIGHT] = True
    return mask


def content(file_name: Any = "a.png", **about: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": file_name, "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 5, "name": "cell"}],
        "annotations": [{"image_id": 1, "category_id": 5} | (about or {"bbox": SIDES})],
    }


def coco(folder: Path, told: dict[str, Any]) -> Path:
    picture(folder / "images/a.png")
    written(folder / "labels.json", json.dumps(told))
    return folder


@pytest.mark.parametrize(
    ("image", "file", "file_name"),
    [
        ("train2017/a.png", "annotations/instances_train2017.json", "a.png"),
        ("images/default/a.png", "annotations/instances_default.json", "default/a.png"),
        ("images/default/a.png", "annotations/instances_default.json", "a.png"),
        ("train/a.png", "train/_annotations.coco.json", "a.png"),
        ("images/a.png", "result.json", "images\\a.png"),
        ("a.png", "annotations.json", "/home/somebody/a.png"),
    ],
)
def test_every_layout_is_found(tmp_path: Path, image: str, file: str, file_name: str) -> None:
    picture(tmp_path / image)
    written(tmp_path / file, json.dumps(content(file_name)))
    assert_one_box(tmp_path)


@pytest.mark.parametrize(
    "about",
    [
        {"segmentation": [OUTLINE]},
        {"segmentation": OUTLINE, "bbox": []},
        {"segmentation": [OUTLINE[:2] * 3, OUTLINE], "bbox": [0, 0, 0, 0]},
        {"segmentation": {"size": [HEIGHT, WIDTH], "counts": runs_of(mask_of_box())}},
        {"segmentation": {"size": [HEIGHT, WIDTH], "counts": [0, 1]}, "bbox": SIDES},
    ],
)
def test_boxes_are_those_of_outlines_and_masks_where_none_are_told(
    tmp_path: Path, about: dict[str, Any]
) -> None:
    assert_one_box(coco(tmp_path, content(**about)))


@given(arrays(np.bool_, st.tuples(st.integers(1, 40), st.integers(1, 40))), st.booleans())
def test_masks_have_the_boxes_that_another_decoder_finds(mask: np.ndarray, packed: bool) -> None:
    coder = pytest.importorskip("faster_coco_eval.core.mask")
    from pursuit.models.datasets.annotations.run_length import box_of_runs

    encoded = coder.encode(np.asfortranarray(mask.astype(np.uint8)))
    counts = encoded["counts"].decode() if packed else runs_of(mask)
    told = {"size": list(mask.shape), "counts": counts}
    if not mask.any():
        with pytest.raises(ValueError, match="a mask is empty"):
            box_of_runs(told)
        return
    left, top, right, bottom = box_of_runs(told)
    assert [left, top, right - left, bottom - top] == list(coder.toBbox(encoded))


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12))
def test_masks_that_are_none_are_refused(counts: str) -> None:
    from pursuit.models.datasets.annotations.run_length import box_of_runs

    try:
        left, top, right, bottom = box_of_runs({"size": [8, 8], "counts": counts})
    except ValueError as error:
        assert "a mask" in str(error)
    else:
        assert 0 <= left < right <= 8
        assert 0 <= top < bottom <= 8


def test_ids_may_be_numbers_or_texts(tmp_path: Path) -> None:
    told = content()
    told["images"][0]["id"], told["categories"][0]["id"] = "1", "5"
    assert_one_box(coco(tmp_path, told))


def test_a_mask_for_each_object_is_told_as_that(tmp_path: Path) -> None:
    for name in ("a1", "b2"):
        picture(tmp_path / name / "images" / f"{name}.png")
        picture(tmp_path / name / "masks" / "0.png")
    with pytest.raises(ModelError, match=r"has a mask for each object, .*: join those"):
        read_dataset(tmp_path)


def test_captions_and_key_points_of_the_same_images_are_not_read(tmp_path: Path) -> None:
    picture(tmp_path / "val2017/a.png")
    for kind in ("captions", "instances", "person_keypoints"):
        about = {"caption": "a cell"} if kind == "captions" else {"bbox": SIDES}
        written(tmp_path / f"annotations/{kind}_val2017.json", json.dumps(content(**about)))
    assert_one_box(tmp_path)


def test_images_of_one_name_keep_their_own_labels(tmp_path: Path) -> None:
    for split in ("train", "val"):
        picture(tmp_path / f"images/{split}/a.png")
        told = content()
        if split == "val":
            told["annotations"] = []
        written(tmp_path / f"annotations/instances_{split}.json", json.dumps(told))
    found = {s.name: len(s.boxes_px) for s in read_dataset(tmp_path).samples}
    assert found == {"images/train/a": 1, "images/val/a": 0}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_files_in_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    told = content()
    told["categories"][0]["name"] = "Zelle µ"
    folder = coco(tmp_path, told)
    text = json.dumps(told, ensure_ascii=False)
    written(folder / "labels.json", text.encode(encoding))
    assert_one_box(folder, ("Zelle µ",))


def test_what_is_left_out_or_odd_is_said(tmp_path: Path) -> None:
    told = content(bbox=SIDES, iscrowd=1)
    told["images"].append({"id": 2, "file_name": "gone.png"})
    told["categories"].append({"id": 6, "name": "worm"})
    told["annotations"].append({"image_id": 1, "category_id": 5, "bbox": [4, 4, 0, 9]})
    assert assert_one_box(coco(tmp_path, told)).notes == (
        "annotated images that are not there (gone.png): left out",
        "regions of crowds (iscrowd), 1 in all: each counts as an object",
        "1 of 2 boxes are less than a pixel wide or high: left out",
        "no object is of the classes worm, which are named",
    )


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"annotations": [{"images": 1}]}, "'images' is missing"),
        ([content()], "not a COCO file: it is not of the form"),
        (content("b.png"), r"names b\.png, of which none is in .*: put the images there"),
        (content(area=4), "an object has neither bbox nor segmentation"),
        (content(bbox=[1, 2]), "not a COCO file: not enough values"),
        (content(bbox=[1, 2, None, 3]), "not a COCO file"),
        (content(segmentation=[[1, 2, 3]]), "not a COCO file"),
        (content(segmentation={"size": [9, 9], "counts": [5]}), "do not fill 9 × 9 px"),
        (content() | {"images": content()["images"] * 2}, "two images have the id 1"),
        (content() | {"images": []}, "lists no image with the id 1"),
        (content() | {"categories": [{"id": 1, "name": "x"}]}, "no category with the id 5"),
        (content(bbox=[0.1, 0.2, 0.2, 0.4]), "are all smaller than a pixel: their numbers have"),
        (content(bbox=[LEFT, TOP, 75, 90]), "a box .* in 80 × 100"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, told: Any, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        read_dataset(coco(tmp_path, told))


def test_annotations_of_an_image_of_another_size_are_refused(tmp_path: Path) -> None:
    told = content()
    told["images"][0] |= {"width": HEIGHT, "height": WIDTH}
    with pytest.raises(ModelError, match=r"of an image of 100 × 80 px, but .* has 80 × 100"):
        read_dataset(coco(tmp_path, told))


def test_classes_without_names_stay_apart(tmp_path: Path) -> None:
    told = content() | {"categories": []}
    told["annotations"].append({"image_id": 1, "category_id": 7, "bbox": SIDES})
    assert read_dataset(coco(tmp_path, told)).classes == ("class 5", "class 7")
