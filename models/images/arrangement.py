"""One image after the other from pixels of any axes: the axis in time, one channel, one plane."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from .formats import POSITIONS, FileContent, chosen

_SERIES = "IQ"
"""Letters of tifffile for images of which nothing is told: they are taken as time."""
_SINGLE = "-"
"""Letter of an axis of one, whatever it was."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which part of a file is wanted, by numbers from 0 or names; None where there is only one."""

    position: int | str | None = None
    channel: int | str | None = None
    plane: int | None = None


WHOLE = Choice()
"""For files with one of each."""


class Images:
    """Images (N, H, W) in grey, made of the pixels of a file when they are indexed."""

    def __init__(self, content: FileContent, axes: str, along: str, fixed: dict[str, int]) -> None:
        self._content, self._axes, self._along, self._fixed = content, axes, along, fixed
        sides = dict(zip(axes, content.pixels.shape, strict=True))
        self.shape = sides.get(along, 1), sides["Y"], sides["X"]
        self.dtype = self[0].dtype

    def __getitem__(self, index: int) -> NDArray:
        at = dict.fromkeys(self._axes, 0) | self._fixed | {self._along: index}
        kept = "".join(axis for axis in self._axes if axis in "YXS")
        image = np.asarray(
            self._content.pixels[tuple(slice(None) if a in kept else at[a] for a in self._axes)]
        )
        image = image.transpose([kept.index(axis) for axis in "YXS" if axis in kept])
        return image if self._content.to_grey is None else self._content.to_grey(image)


def arranged(
    path: Path, content: FileContent, along: Literal["T", "Z"], choice: Choice
) -> tuple[Images, str, str]:
    """Bring pixels to one image after the other.

    Returns
    -------
    images : Images
    axis : str
        Along which they lie, T or Z, as the file calls it; empty for a single one.
    note : str
        What a person should know of it, empty if there is nothing.

    Raises
    ------
    ModelError
        If there are several channels, or planes at each time, and none is chosen, or axes that
        are not known.
    """
    shape = tuple(content.pixels.shape)
    axes = "".join(
        axis if axis in "YXS" else _SINGLE if n == 1 else "T" if axis in _SERIES else axis
        for axis, n in zip(content.axes, shape, strict=True)
    )
    long = "".join(axis for axis in axes if axis not in f"YXS{_SINGLE}")
    if len({*long}) < len(long) or not {*long} <= {*"TZC", *POSITIONS} or not {*"YX"} <= {*axes}:
        sides = " x ".join(map(str, shape))
        raise ModelError(
            f"the movie {path} has axes that are not known here ({content.axes}, {sides}): save it "
            "with one of time, and of focus and channels if need be"
        )
    count, fixed = dict(zip(axes, shape, strict=True)), dict[str, int]()
    for axis in {*long} & {*POSITIONS}:
        fixed[axis] = chosen(path, "position", ("",) * count[axis], choice.position)
        long = long.replace(axis, "")
    if "C" in long or choice.channel is not None:
        known = len(content.channels) == count.get("C", 1)
        names = content.channels if known else ("",) * count.get("C", 1)
        fixed["C"] = chosen(path, "channel", names, choice.channel)
    if choice.plane is not None or (along == "T" and {*"TZ"} <= {*long}):
        fixed["Z"] = chosen(path, "plane", ("",) * count.get("Z", 1), choice.plane)
        long = long.replace("Z", "")
    if {*"TZ"} <= {*long}:
        raise ModelError(f"the focus stack {path} has {count['T']} times: save one of them alone")
    axis = long.replace("C", "")
    is_renamed = (axis, along) == ("Z", "T")
    note = f"the {count['Z']} planes of {path.name} are taken as times" if is_renamed else ""
    return Images(content, axes, axis, fixed), axis, note
