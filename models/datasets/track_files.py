"""Tracks from tables: where each object was, and when."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..arrays import Floats, Indices
from ..errors import ModelError

COLUMNS = {
    "track": ("track", "track_id", "id", "particle"),
    "t": ("t", "t_s", "time", "frame"),
    "x": ("x", "x_um", "position_x"),
    "y": ("y", "y_um", "position_y"),
    "z": ("z", "z_um", "position_z"),
    "size": ("size", "size_px", "size_um"),
}
"""What is read, and the names by which it is found; capitals do not matter."""
_OPTIONAL = {"z", "size"}
_SEPARATORS = ",;\t"
"""Of columns. Spreadsheets write the second where decimals have a comma."""

_LEAST_NOISE = 0.05
"""Over a typical step. Chosen: where objects go straight on, no more can be told from the steps."""


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Tracks of one file.

    Attributes
    ----------
    name : str
        Of the file, with its folder.
    times : tuple of (T,) arrays
        Rising, in the unit of the file (frames or seconds).
    positions : tuple of (T, 2) or (T, 3) arrays
        In the unit of the file.
    interval : float
        Typical time from one measurement of an object to the next.
    skipped : int
        Rows that belong to no track, or repeat an instant of one.
    sizes : tuple of (T,) arrays
        Sizes (root of the area of the box), NaN where there is none.
    """

    name: str
    times: tuple[Floats, ...]
    positions: tuple[Floats, ...]
    interval: float
    skipped: int = 0
    sizes: tuple[Floats, ...] = ()

    def __len__(self) -> int:
        return len(self.times)

    @property
    def frames(self) -> tuple[Indices, ...]:
        """Times in whole intervals: frames of the movie, if the first is at 0."""
        return tuple(np.round(times / self.interval).astype(np.intp) for times in self.times)

    @property
    def noise(self) -> float:
        """Standard deviation of a position along an axis, estimated from the steps.

        An error of measurement adds to one step and takes from the next: its variance is minus
        the covariance of consecutive steps (Berglund, Phys. Rev. E 82:011917, 2010). At least a
        twentieth of a typical step, as objects that go straight on do not show less.
        """
        steps = [np.diff(places[:, :2], axis=0) for places in self.positions]
        square = np.mean(np.concatenate(steps) ** 2)
        products = np.concatenate([np.zeros((0, 2)), *(one[1:] * one[:-1] for one in steps)])
        variance = -products.mean() if products.size else 0.0
        return math.sqrt(max(variance, _LEAST_NOISE**2 * square, 1e-18))


def read_tracks(path: Path, columns: Mapping[str, str] | None = None) -> Tracks:
    """Read a CSV file with columns ``track``, ``t``, ``x``, ``y`` and, optionally, ``z``, ``size``.

    Where a column ``seen`` is 0, as `pursuit track` writes it, the position is predicted and is
    left out. Below the header there may be rows that explain it, as TrackMate writes them.
    Semicolons or tabs may separate the columns; decimals then may have a comma.

    Parameters
    ----------
    columns : mapping of str to str, optional
        What the columns are called in this file: ``{"track": "TRACK_ID"}``. None where a user
        cannot say that.

    Raises
    ------
    ModelError
        If the file cannot be read, lacks a column, or holds something that is no number.
    """
    header, rows = _table(path)
    columns_at = _column_indices(path, header, columns)
    predicted = header.index("seen") if "seen" in header else None
    found: dict[str, dict[float, list[float]]] = {}
    skipped = 0
    for line, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row) or _is_predicted(row, predicted):
            continue
        if not found and _explains(row, columns_at):
            continue
        track = row[columns_at["track"]].strip() if len(row) > columns_at["track"] else ""
        if not track:
            skipped += 1
            continue
        t, *place = (
            _number(path, line, header, row, columns_at[key]) for key in "txyz" if key in columns_at
        )
        instants = found.setdefault(track, {})
        skipped += t in instants
        instants.setdefault(t, [_size(row, columns_at), *place])
    return _assembled(path, found, skipped)


def _explains(row: list[str], columns_at: Mapping[str, int]) -> bool:
    """Whether a row below the header says what its columns are, as none of them is a number."""
    return all(len(row) > columns_at[key] and _is_text(row[columns_at[key]]) for key in "txy")


def _is_text(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return bool(cell.strip())
    return False


def _size(row: list[str], columns_at: Mapping[str, int]) -> float:
    """Size in a row; NaN if it does not tell a positive one."""
    place = columns_at.get("size", len(row))
    if len(row) <= place or not row[place].strip() or _is_text(row[place]):
        return math.nan
    size = float(row[place])
    return size if 0 < size < math.inf else math.nan


def _is_predicted(row: list[str], place: int | None) -> bool:
    return place is not None and len(row) > place and row[place].strip() == "0"


def _table(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = file.readlines()
        separator = max(_SEPARATORS, key="".join(lines[:1]).count)
        rows = list(csv.reader(lines, delimiter=separator))
    except OSError as error:
        raise ModelError(f"the tracks {path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ModelError(f"the file {path} is not a table: give a CSV file in UTF-8") from error
    if len(rows) < 2:
        raise ModelError(f"the file {path} has no rows: give a CSV file with a header and tracks")
    header, *cells = rows
    if separator != ",":
        cells = [[cell.replace(",", ".") for cell in row] for row in cells]
    return [name.strip() for name in header], cells


def _column_indices(
    path: Path, header: list[str], named: Mapping[str, str] | None
) -> dict[str, int]:
    """Return which column holds what; z and the size only if there is one."""
    columns = named or {}
    if unknown := sorted(set(columns) - set(COLUMNS)):
        raise ModelError(f"there is no {unknown[0]!r} in tracks: name {', '.join(COLUMNS)}")
    lower, indices = [name.lower() for name in header], {}
    for key, usual in COLUMNS.items():
        if (given := columns.get(key)) is not None:
            if given not in header:
                raise ModelError(
                    f"the file {path} has no column {given!r}; it has: {', '.join(header)}"
                )
            indices[key] = header.index(given)
            continue
        known = next((name for name in usual if name in lower), None)
        if known is not None:
            indices[key] = lower.index(known)
        elif key not in _OPTIONAL:
            advice = (
                f"rename one to {key}" if named is None else f"say which with --columns {key}=NAME"
            )
            raise ModelError(
                f"the file {path} has no column {key!r}; it has: {', '.join(header)}: {advice}"
            )
    return indices


def _number(path: Path, line: int, header: list[str], row: list[str], place: int) -> float:
    text = row[place].strip() if len(row) > place else ""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ModelError(
            f"the file {path}, line {line}: {header[place]} is {text!r}, not a finite number"
        )
    return value


def _assembled(path: Path, found: dict[str, dict[float, list[float]]], skipped: int) -> Tracks:
    times, positions, sizes = [], [], []
    for instants in found.values():
        order = sorted(instants)
        table = np.array([instants[t] for t in order])
        times.append(np.array(order))
        positions.append(table[:, 1:])
        sizes.append(table[:, 0])
    steps = np.concatenate([np.zeros(0), *(np.diff(one) for one in times)])
    if not len(steps):
        raise ModelError(
            f"the file {path} has no track with two measurements: check its column of tracks"
        )
    name = f"{path.resolve().parent.name}/{path.name}"
    return Tracks(
        name, tuple(times), tuple(positions), float(np.median(steps)), skipped, tuple(sizes)
    )
