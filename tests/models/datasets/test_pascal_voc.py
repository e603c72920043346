"""Pascal VOC files as labelImg, LabelMe, Roboflow and roLabelImg write them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pursuit.models.datasets import read_dataset
from pursuit.models.errors import ModelError

from .pictures import BOX, assert_one_box, picture, written

LEFT, TOP, RIGHT, BOTTOM = BOX[0] + 1, BOX[1] + 1, BOX[2], BOX[3]
"""First and last pixel; the first of the image is 1."""
BNDBOX = (
    f"<bndbox><xmin>{LEFT}</xmin><xmax>{RIGHT}</xmax><ymin>{TOP}</ymin><ymax>{BOTTOM}</ymax>"
    "</bndbox>"
)
NUMBERED = "".join(
    f"<x{n}>{x}</x{n}><y{n}>{y}</y{n}>"
    for n, (x, y) in enumerate([(LEFT, TOP), (RIGHT, TOP + 9), (LEFT + 4, BOTTOM)], 1)
)
POINTS = "".join(
    f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in [(LEFT, TOP), (RIGHT, TOP + 9), (LEFT, BOTTOM)]
)
ORIENTED = (
    f"<robndbox><cx>{(LEFT + RIGHT) / 2}</cx><cy>{(TOP + BOTTOM) / 2}</cy><w>{BOTTOM - TOP}</w>"
    f"<h>{RIGHT - LEFT}</h><angle>{math.pi / 2}</angle></robndbox>"
)


def entry(shape: str, name: str = "<name>cell</name>") -> str:
    return f"<object>{name}{shape}</object>"


def voc(folder: Path, *objects: str, about: str = "") -> Path:
    picture(folder / "images/a.png")
    text = f"<annotation>{about}{''.join(objects)}</annotation>"
    written(folder / "annotations/a.xml", text)
    return folder


@pytest.mark.parametrize(
    "shape",
    [
        BNDBOX,
        f"<polygon>{NUMBERED}</polygon>",
        f"<polygon><username>me</username>{POINTS}</polygon>",
        f"<polygon>{NUMBERED}</polygon>{BNDBOX}",
        ORIENTED,
        f"{BNDBOX}<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>",
    ],
)
def test_boxes_are_those_of_outlines_where_none_are_told(tmp_path: Path, shape: str) -> None:
    assert_one_box(voc(tmp_path, entry(shape)))


@pytest.mark.parametrize("name", ["", "<name/>", "<name> </name>"])
def test_objects_without_a_name_are_of_the_class_that_is_given(tmp_path: Path, name: str) -> None:
    assert_one_box(voc(tmp_path, entry(BNDBOX, name)))


@pytest.mark.parametrize(
    "about", ["<size><width>0</width><height>0</height></size>", "<size><width/></size>", ""]
)
def test_sizes_may_be_missing(tmp_path: Path, about: str) -> None:
    assert_one_box(voc(tmp_path, entry(BNDBOX), about=about))


def test_several_objects_are_read_and_clicks_are_left_out(tmp_path: Path) -> None:
    click = "<bndbox><xmin>5</xmin><xmax>5</xmax><ymin>5</ymin><ymax>5</ymax></bndbox>"
    deleted = entry(f"{BNDBOX}<deleted>1</deleted>")
    folder = voc(tmp_path, entry(BNDBOX), deleted, entry(click), entry(BNDBOX, "<name>b</name>"))
    dataset = read_dataset(folder)
    assert dataset.classes == ("b", "cell")
    assert len(dataset.samples[0].boxes_px) == 2
    assert dataset.notes == ("1 of 3 boxes are less than a pixel wide or high: left out",)


@pytest.mark.parametrize(
    ("image", "file"),
    [
        ("JPEGImages/a.png", "Annotations/a.xml"),
        ("VOC2012/JPEGImages/a.png", "VOC2012/Annotations/a.xml"),
        ("train/a.png", "train/a.xml"),
        ("a.png", "annotations/a.xml"),
    ],
)
def test_every_layout_is_found(tmp_path: Path, image: str, file: str) -> None:
    picture(tmp_path / image)
    written(tmp_path / file, f"<annotation>{entry(BNDBOX)}</annotation>".encode("utf-16"))
    assert_one_box(tmp_path)


def test_an_annotation_without_its_image_is_left_out_and_said(tmp_path: Path) -> None:
    folder = voc(tmp_path, entry(BNDBOX))
    written(folder / "annotations/b.xml", "<annotation/>")
    assert assert_one_box(folder).notes == ("labels without an image (b.xml): left out",)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("", "an object has neither bndbox nor polygon"),
        ("<bndbox><xmin>1</xmin></bndbox>", "bndbox of an object needs numbers xmin, ymin"),
        ("<polygon/>", "a polygon has no points"),
        ("<polygon><x1>3</x1></polygon>", "polygon of an object needs numbers x1, y1"),
        ("<", "not a Pascal VOC annotation"),
    ],
)
def test_objects_that_are_none_are_refused(tmp_path: Path, shape: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        read_dataset(voc(tmp_path, entry(shape)))


def test_annotations_of_an_image_of_another_size_are_refused(tmp_path: Path) -> None:
    about = "<size><width>160</width><height>200</height></size>"
    with pytest.raises(ModelError, match=r"of an image of 160 × 200 px, but .* has 80 × 100"):
        read_dataset(voc(tmp_path, entry(BNDBOX), about=about))
