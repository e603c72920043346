"""What a file holds, and the choice of a part of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...errors import ModelError

POSITIONS = "RP"
"""Letters of tifffile for an axis of positions of the stage."""
_MOST_NAMED = 12
"""Parts that are named where one is to be chosen. Chosen: a line or two."""


@dataclass(frozen=True, slots=True, eq=False)
class FileContent:
    """What a file holds, one of its fields.

    Attributes
    ----------
    pixels : array
        Read when indexed, where the format allows it; of any type and byte order.
    axes : str
        A letter for each axis as in tifffile: T time, Z focus, C channel, Y rows, X columns,
        S colours, R and P positions; I and Q stand for a series of images of which nothing is told.
    scales : mapping of str to float
        Of the axes that the file tells them of: X, Y and Z in µm, T in s.
    channels : tuple of str
        Their names, empty if the file tells none.
    to_grey : callable, optional
        What turns an image, (H, W) or with colours (H, W, S), into grey values that grow with the
        light.
    note : str
        What may have been meant otherwise, empty if nothing.
    """

    pixels: Any
    axes: str
    scales: Mapping[str, float] = field(default_factory=dict[str, float])
    channels: tuple[str, ...] = ()
    to_grey: Callable[[NDArray], NDArray] | None = None
    note: str = ""


def chosen(path: Path, what: str, names: Sequence[str], choice: int | str | None) -> int:
    """Return the index of one of several parts of a file.

    Parameters
    ----------
    path : Path
    what : str
        What they are, as the option to choose one is called.
    names : sequence of str
        Of all parts; empty where there is none.
    choice : int or str or None
        A name, or a number from 0.

    Raises
    ------
    ModelError
        If there are several and none is chosen, or there is none such.
    """
    if choice is None and len(names) == 1:
        return 0
    if isinstance(choice, str) and choice in names:
        return names.index(choice)
    if str(choice).isdecimal() and int(str(choice)) < len(names):
        return int(str(choice))
    if not any(names):
        listed = f"0 to {len(names) - 1}" if len(names) > 1 else "0"
    else:
        known = [f"{number} ({name})" for number, name in enumerate(names[:_MOST_NAMED])]
        listed = ", ".join(known) + (", ..." if len(names) > _MOST_NAMED else "")
    wrong = f"has no {what} {choice}, only" if choice is not None else f"has {len(names)} {what}s,"
    raise ModelError(
        f"the movie {path} {wrong} {listed}: choose one with --{what}, or with "
        f"--set microscope.{what}=... to follow in it"
    )
