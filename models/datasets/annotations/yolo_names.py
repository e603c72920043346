"""Names of classes in the files that lie beside YOLO labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from ...errors import ModelError
from ..text import read_text

_LISTS = ("classes.txt", "labels/classes.txt", "obj.names")
"""A name in each line: of labelImg and Label Studio, and of darknet as CVAT exports it."""
_TABLES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")


class YoloNames(msgspec.Struct, frozen=True):
    """What is told about the classes.

    Attributes
    ----------
    file : str
        Name of the file that tells it; empty if there is none.
    names : dict of int to str
        Number of a class to its name.
    keypoint_numbers : int
        How many numbers of a line follow its box, in labels of poses.
    """

    file: str = ""
    names: dict[int, str] = {}
    keypoint_numbers: int = 0


def yolo_names(folder: Path) -> YoloNames:
    """Read what a folder, or ``data.yaml`` beside it, says about the classes.

    Raises
    ------
    ModelError
        If it cannot be read, or two files say different things.
    """
    tables = [*(folder / name for name in _TABLES), folder.parent / _TABLES[0]]
    found = [_from_list(folder / name) for name in _LISTS if (folder / name).is_file()]
    found += [_from_table(path) for path in tables if path.is_file()][:1]
    named = [one for one in found if one.names]
    for other in named[1:]:
        if other.names != named[0].names:
            raise ModelError(
                f"the files {named[0].file} and {other.file} for {folder} name the classes "
                "differently: keep the right one"
            )
    keypoints = max((one.keypoint_numbers for one in found), default=0)
    return msgspec.structs.replace((named or [YoloNames()])[0], keypoint_numbers=keypoints)


def _from_list(path: Path) -> YoloNames:
    lines = enumerate(read_text(path).splitlines())
    return YoloNames(path.name, {number: line.strip() for number, line in lines if line.strip()})


def _from_table(path: Path) -> YoloNames:
    try:
        content: Any = msgspec.yaml.decode(read_text(path)) or {}
    except msgspec.DecodeError as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"the file {path} is not YAML: {reason}") from error
    if not isinstance(content, dict):
        raise ModelError(f"the file {path} names no classes: it needs names: [...]")
    names = _names(path, content.get("names", []))
    count = content.get("nc", len(names))
    if names and count != len(names):
        raise ModelError(
            f"the file {path} says that there are {count} classes (nc) and names {len(names)}: "
            "correct one of them"
        )
    return YoloNames(path.name, names, _keypoint_numbers(path, content.get("kpt_shape")))


def _names(path: Path, told: Any) -> dict[int, str]:
    """Bring the ways of telling names, a list or numbers with names, to one."""
    pairs: list[tuple[Any, Any]] = [("", told)]
    if isinstance(told, dict | list):
        pairs = [*(told.items() if isinstance(told, dict) else enumerate(told))]
    names = {}
    for key, name in pairs:
        number = str(key).strip()
        if not number.isdecimal() or isinstance(name, bool) or not isinstance(name, str | int):
            raise ModelError(
                f"the file {path} does not name the classes (names has {name!r}): write a list of "
                "texts, or a number and a text for each"
            )
        names[int(number)] = str(name)
    return names


def _keypoint_numbers(path: Path, shape: Any) -> int:
    if shape is None:
        return 0
    try:
        count, numbers = (int(number) for number in shape)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"the file {path} has a wrong kpt_shape: write how many points, and how many numbers "
            "for each"
        ) from error
    return count * numbers
