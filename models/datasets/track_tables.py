"""Tables of tracks as spreadsheets, TrackMate and trackpy write them, before they are numbers."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import ModelError
from .text import read_text

COLUMNS = {
    "track": ("track", "track_id", "track id", "particle", "id"),
    "t": ("t", "t_s", "time", "frame", "position_t"),
    "x": ("x", "x_px", "x_um", "position_x"),
    "y": ("y", "y_px", "y_um", "position_y"),
    "z": ("z", "z_px", "z_um", "position_z"),
    "size": ("size", "size_px", "size_um"),
}
"""What is read, and the names by which it is found; capitals do not matter."""
PIXEL, SCALED = "px", "µm where the movie has a scale"
"""Units of lengths: pixels under any name, and that of the tables of `pursuit track`."""
PIXELS = ("pixel", "pixels", "px")
"""Names of the unit in files of others."""
_MICROMETRES = ("µm", "μm", "_um", "(um", "[um", "micron")
"""What the name of a column of lengths in micrometres contains."""
_OPTIONAL = {"z", "size"}
_SEPARATORS = ",;\t"
"""Of columns. Spreadsheets write the second where decimals have a comma."""
_TOLD = "sep="
"""How a line begins in which a spreadsheet is told the separator."""
_HAS_COMMA = re.compile(r"[+-]?\d+,(\d{1,2}|\d{4,})")
"""A number with a decimal comma; before three digits it may divide thousands."""
_NO_TRACK = {"", "none", "nan", "null", "na", "n/a"}
"""What stands for the track of a row that is of none."""
_SEEN = "seen"
"""Column of `pursuit track`: 0 where a position is predicted."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: the track, empty if it is of none, and the numbers of what is read."""

    track: str
    t: float
    place: list[float]
    size: float


class TrackTable:
    """A table with a header, of which columns of tracks are known.

    Attributes
    ----------
    path : Path
    unit : str
        Of lengths: `PIXEL`, `SCALED` or another one; empty if the table does not tell.
    in_frames : bool
        Whether times are numbers of frames.
    """

    def __init__(self, path: Path, columns: Mapping[str, str] | None) -> None:
        self.path = path
        self._header, rows = _cells(path)
        self._at = _column_indices(path, self._header, columns)
        lower = [name.lower() for name in self._header]
        self._seen = lower.index(_SEEN) if _SEEN in lower else len(lower)
        self.in_frames = lower[self._at["t"]] == "frame"
        x = lower[self._at["x"]]
        in_um = any(name in x for name in _MICROMETRES)
        self.unit = "µm" if in_um else PIXEL if x == "x_px" else SCALED if _SEEN in lower else ""
        self._first = 0
        while self._first < len(rows) and self._explains(rows[self._first]):
            told = rows[self._first][self._at["x"]].strip()
            if told.startswith("("):
                unit = told.strip("()")
                self.unit = PIXEL if unit.lower() in PIXELS else unit
            self._first += 1
        self._rows = rows

    def __iter__(self) -> Iterator[Row]:
        for line, row in enumerate(self._rows[self._first :], start=2 + self._first):
            is_predicted = _cell(row, self._seen) == "0"
            if not is_predicted and any(cell.strip() for cell in row):
                yield self._read(line, row)

    def _explains(self, row: list[str]) -> bool:
        """Whether a row below the header says what its columns are, as TrackMate writes them."""
        cells = [_cell(row, self._at[key]) for key in "txy"]
        return any(cells) and all(_is_text(cell) or not cell for cell in cells)

    def _read(self, line: int, row: list[str]) -> Row:
        track = _cell(row, self._at["track"])
        if track.lower() in _NO_TRACK:
            return Row("", math.nan, [], math.nan)
        t, *place = (self._number(line, row, key) for key in "txyz" if key in self._at)
        size = _cell(row, self._at.get("size", len(row)))
        value = math.nan if not size or _is_text(size) else float(size)
        return Row(track, t, place, value if 0 < value < math.inf else math.nan)

    def _number(self, line: int, row: list[str], key: str) -> float:
        text = _cell(row, self._at[key])
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            name = self._header[self._at[key]]
            raise ModelError(
                f"the file {self.path}, line {line}: {name} is {text!r}, not a finite number"
            )
        return value


def _cell(row: list[str], place: int) -> str:
    return row[place].strip() if len(row) > place else ""


def _is_text(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return bool(cell)
    return False


def _cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows, decimals with a point."""
    lines = read_text(path).splitlines(keepends=True)
    if lines and lines[0].lower().startswith(_TOLD):
        del lines[0]
    while len(lines) > 1 and lines[0].startswith("#") and not _is_header(lines[0], lines[1]):
        del lines[0]
    if "".join(lines[:1]).startswith("<"):
        raise ModelError(
            f"the file {path} is XML, not a table: give a TrackMate file the suffix .xml, or "
            "export its spots as CSV"
        )
    separator = max(_SEPARATORS, key="".join(lines[:1]).count)
    try:
        rows = list(csv.reader(lines, delimiter=separator))
    except csv.Error as error:
        raise ModelError(f"the file {path} is not a table: give a CSV file in UTF-8") from error
    if len(rows) < 2:
        raise ModelError(f"the file {path} has no rows: give a CSV file with a header and tracks")
    header, *cells = rows
    if separator != "," or any(_HAS_COMMA.fullmatch(cell) for row in cells for cell in row):
        cells = [[cell.replace(",", ".") for cell in row] for row in cells]
    return [name.strip().removeprefix("#").strip() for name in header], cells


def _is_header(line: str, following: str) -> bool:
    """Whether a line that begins with ``#`` has as many columns as the next one."""
    separator = max(_SEPARATORS, key=line.count)
    return 0 < line.count(separator) == following.count(separator)


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
