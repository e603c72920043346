"""Labels for YOLO, in the forms, layouts and encodings of the programs that write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pursuit.models.datasets import read_dataset
from pursuit.models.errors import ModelError

from .pictures import BOX, HEIGHT, SHARES, WIDTH, assert_one_box, picture, written

LEFT, TOP, RIGHT, BOTTOM = BOX[0] / WIDTH, BOX[1] / HEIGHT, BOX[2] / WIDTH, BOX[3] / HEIGHT
MIDDLE_X, MIDDLE_Y = (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2
CORNERS = f"{LEFT} {TOP} {RIGHT} {TOP} {RIGHT} {BOTTOM} {LEFT} {BOTTOM}"
DIAMOND = f"{MIDDLE_X} {TOP} {RIGHT} {MIDDLE_Y} {MIDDLE_X} {BOTTOM} {LEFT} {MIDDLE_Y}"
TRIANGLE = f"{LEFT} {TOP} {RIGHT} {MIDDLE_Y} {LEFT} {BOTTOM}"


def labelled(folder: Path, line: str = f"0 {SHARES}", yaml: str | None = None) -> Path:
    picture(folder / "images/a.png")
    written(folder / "labels/a.txt", line + "\n")
    if yaml is not None:
        written(folder / "data.yaml", yaml)
    return folder


@pytest.mark.parametrize("shape", [CORNERS, DIAMOND, TRIANGLE])
def test_outlines_and_oriented_boxes_become_the_boxes_around_them(
    tmp_path: Path, shape: str
) -> None:
    assert_one_box(labelled(tmp_path, f"0 {shape}"))


def test_of_poses_the_boxes_are_read(tmp_path: Path) -> None:
    yaml = "names: [cell]\nkpt_shape: [2, 3]\n"
    assert_one_box(labelled(tmp_path, f"0 {SHARES} 0.1 0.1 2 0.9 0.9 2", yaml))


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("images/train/a.png", "labels/train/a.txt"),
        ("valid/images/a.png", "valid/labels/a.txt"),
        ("Images/a.png", "Labels/a.txt"),
        ("a.png", "labels/a.txt"),
        ("a.png", "a.txt"),
        ("obj_train_data/a.png", "obj_train_data/a.txt"),
    ],
)
def test_every_layout_is_found(tmp_path: Path, image: str, label: str) -> None:
    picture(tmp_path / image)
    written(tmp_path / label, f"0 {SHARES}\n")
    written(tmp_path / ".cache/a.png", b"")
    assert_one_box(tmp_path)


def test_images_of_one_name_keep_their_own_labels(tmp_path: Path) -> None:
    for split, line in (("train", f"0 {SHARES}\n"), ("val", "")):
        picture(tmp_path / f"images/{split}/a.png")
        written(tmp_path / f"labels/{split}/a.txt", line)
    found = {s.name: len(s.boxes_px) for s in read_dataset(tmp_path).samples}
    assert found == {"images/train/a": 1, "images/val/a": 0}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_labels_in_any_encoding_are_read(tmp_path: Path, encoding: str) -> None:
    folder = labelled(tmp_path)
    written(folder / "labels/a.txt", f"0 {SHARES}\r\n".encode(encoding))
    written(folder / "classes.txt", "cell\r\n".encode(encoding))
    assert_one_box(folder)


def test_names_may_have_accents_of_windows(tmp_path: Path) -> None:
    folder = labelled(tmp_path)
    written(folder / "data.yaml", "names: [µ-Größe]\n".encode("cp1252"))
    assert_one_box(folder, ("µ-Größe",))
    for other in ("细胞".encode("gbk"), "клетка".encode("cp1251"), "細胞".encode("shift-jis")):
        written(folder / "data.yaml", b"names: [" + other + b"]\n")
        with pytest.raises(ModelError, match=r"data\.yaml is no text in UTF-8: save it"):
            read_dataset(folder)


@pytest.mark.parametrize(
    "yaml",
    [
        "names: [cell, worm]",
        "names:\n- cell\n- worm\n",
        "names:\n  0: cell\n  1: worm\n",
        'nc: 2\nnames: {"0": cell, "1": worm}',
        "path: ..\ntrain: images/train\nnames: {1: worm, 0: cell}",
        "names: {0: cell, 7: worm}",
    ],
)
def test_names_are_told_in_many_ways(tmp_path: Path, yaml: str) -> None:
    dataset = assert_one_box(labelled(tmp_path, yaml=yaml))
    assert dataset.notes == ("no object is of the classes worm, which are named",)


@pytest.mark.parametrize("place", ["labels/classes.txt", "classes.txt", "obj.names"])
def test_names_are_told_line_by_line(tmp_path: Path, place: str) -> None:
    folder = labelled(tmp_path, f"2 {SHARES}")
    written(folder / place, "worm\n\ncell\n")
    assert_one_box(folder)


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("names: [cell", r"data\.yaml is not YAML: "),
        ("names: cell", "does not name the classes .*: write a list of texts, or a number"),
        ("names: {cell: 0}", "does not name the classes"),
        ("names: [yes]", "does not name the classes"),
        ("- cell", "names no classes: it needs names"),
        ("nc: 3\nnames: [cell]", "there are 3 classes .nc. and names 1: correct"),
        ("names: {1: cell, 2: worm}", r"class 0, but data\.yaml names only 2 others: add"),
        ("names: [cell]\nkpt_shape: 3", "has a wrong kpt_shape"),
    ],
)
def test_names_that_cannot_be_used_are_refused(tmp_path: Path, yaml: str, said: str) -> None:
    with pytest.raises(ModelError, match=said) as error:
        read_dataset(labelled(tmp_path, yaml=yaml))
    assert "\n" not in str(error.value)


def test_files_that_name_the_classes_differently_are_refused(tmp_path: Path) -> None:
    folder = labelled(tmp_path, yaml="names: [cell]")
    written(folder / "classes.txt", "worm\ncell\n")
    with pytest.raises(ModelError, match=r"classes\.txt and data\.yaml .* differently: keep"):
        read_dataset(folder)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"0 {SHARES} 0.91", "a number after its box, as predictions have a score"),
        ("0,0.25,0.4,0.25,0.4", "is not of the form"),
        ("0 0.1 0.1 0.2 0.2 0.3 0.3 0.4", "is not of the form"),
        ("0 10 20 30 20 30 60", "does not fit its image"),
        ("inf 0.1 0.1 0.1 0.1", "does not fit its image"),
    ],
)
def test_lines_that_are_no_labels_are_refused(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        read_dataset(labelled(tmp_path, line))


def test_what_stands_alone_is_said(tmp_path: Path) -> None:
    folder = labelled(tmp_path)
    picture(folder / "images/b.png")
    written(folder / "labels/c.txt", "")
    assert read_dataset(folder).notes == (
        "1 of 2 images have no labels: left out",
        "labels without an image (c.txt): left out",
    )
    (folder / "labels/a.txt").unlink()
    with pytest.raises(ModelError, match=r"no image in .* has labels: 2 of 2 images have no"):
        read_dataset(folder)


def test_labels_of_images_with_like_names_are_not_mixed_up(tmp_path: Path) -> None:
    folder = labelled(tmp_path)
    written(folder / "labels/a_mask.txt", "0 0.5 0.5 0.1 0.1\n")
    assert assert_one_box(folder).notes == ("labels without an image (a_mask.txt): left out",)


def test_two_files_of_labels_for_an_image_are_refused_if_they_differ(tmp_path: Path) -> None:
    folder = labelled(tmp_path)
    written(folder / "images/a.txt", f"0 {SHARES}\n")
    assert_one_box(folder)
    written(folder / "images/a.txt", f"1 {SHARES}\n")
    with pytest.raises(ModelError, match="are labels of the same image: keep one of them"):
        read_dataset(folder)


def test_texts_about_images_are_no_labels(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    written(tmp_path / "a.txt", "Exposure 10 ms\n")
    with pytest.raises(ModelError, match="has no labels that can be read"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [("0 0.5 0.5 1 1", "one object fills the image in most images"), (f"0 {SHARES}", None)],
)
def test_objects_as_large_as_their_images_are_suspicious(
    tmp_path: Path, line: str, said: str | None
) -> None:
    notes = read_dataset(labelled(tmp_path, line)).notes
    assert any(said in note for note in notes) if said else not notes


@given(st.binary(max_size=60))
def test_any_content_is_read_or_refused(tmp_path_factory, content: bytes) -> None:
    folder = labelled(tmp_path_factory.mktemp("data"))
    written(folder / "labels/a.txt", content)
    try:
        read_dataset(folder)
    except ModelError as error:
        assert str(error)


@given(st.binary(max_size=60))
def test_any_names_are_read_or_refused(tmp_path_factory, content: bytes) -> None:
    folder = labelled(tmp_path_factory.mktemp("data"))
    written(folder / "data.yaml", b"names: " + content)
    try:
        read_dataset(folder)
    except ModelError as error:
        assert str(error)
