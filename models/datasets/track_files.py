"""Tracks from tables: where each object was, and when."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..arrays import Floats, Indices
from ..errors import ModelError
from .track_tables import TrackTable

_LEAST_NOISE = 0.05
"""Over a typical step. Chosen: where objects go straight on, no more can be told from the steps."""

_Instants = dict[float, list[list[float]]]
"""Time to the places, each after its size, where a track is then: more than one if it divides."""


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
        Rows that belong to no track, repeat an instant of one, or follow where one divides.
    sizes : tuple of (T,) arrays
        Sizes (root of the area of the box), NaN where there is none.
    unit : str
        Of lengths; empty if the file does not tell.
    in_frames : bool
        Whether times are known to be numbers of frames.
    """

    name: str
    times: tuple[Floats, ...]
    positions: tuple[Floats, ...]
    interval: float
    skipped: int = 0
    sizes: tuple[Floats, ...] = ()
    unit: str = ""
    in_frames: bool = False

    def __len__(self) -> int:
        return len(self.times)

    @property
    def frames(self) -> tuple[Indices, ...]:
        """Times in whole intervals: frames of the movie, if the first is at 0."""
        interval = 1.0 if self.in_frames else self.interval
        return tuple(np.round(times / interval).astype(np.intp) for times in self.times)

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
    Semicolons or tabs may separate the columns; decimals then may have a comma. A track that
    divides ends there.

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
    table = TrackTable(path, columns)
    found: dict[str, _Instants] = {}
    skipped = 0
    for row in table:
        if not row.track:
            skipped += 1
            continue
        places = found.setdefault(row.track, {}).setdefault(row.t, [])
        place = [row.size, *row.place]
        if any(place[1:] == other[1:] for other in places):
            skipped += 1
        else:
            places.append(place)
    return _assembled(table, found, skipped)


def _undivided(instants: _Instants) -> _Instants:
    """Leave out what follows where a track divides, as a table does not tell its branches.

    It divides where it is at two places more than once; a single time, the first place counts.
    """
    twice = [t for t, places in instants.items() if len(places) > 1]
    if len(twice) < 2:
        return instants
    return {t: places for t, places in instants.items() if t < min(twice)}


def _assembled(table: TrackTable, found: dict[str, _Instants], skipped: int) -> Tracks:
    times, positions, sizes = [], [], []
    for instants in found.values():
        kept = _undivided(instants)
        order = sorted(kept)
        skipped += sum(map(len, instants.values())) - len(order)
        if not order:
            continue
        numbers = np.array([kept[t][0] for t in order])
        times.append(np.array(order))
        positions.append(numbers[:, 1:])
        sizes.append(numbers[:, 0])
    steps = np.concatenate([np.zeros(0), *(np.diff(one) for one in times)])
    if not len(steps):
        raise ModelError(
            f"the file {table.path} has no track with two measurements: check its column of tracks"
        )
    return Tracks(
        f"{table.path.resolve().parent.name}/{table.path.name}",
        *(tuple(times), tuple(positions), float(np.median(steps)), skipped, tuple(sizes)),
        *(table.unit, table.in_frames),
    )
