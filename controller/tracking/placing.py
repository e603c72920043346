"""Where detections and registrations together put the tracks of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...models.arrays import Bools, Floats, Indices
from .field_geometry import Measurements
from .matching import Matcher
from .merged import Assigned, ClosePairs, resolve
from .registration import Registered
from .track_table import TrackTable


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Where tracks are measured to be.

    Attributes
    ----------
    rows : (K,)
        Of the tracks: those detected in the order of rows, then those that were only registered.
    positions_um, variances_um2 : (K, 2), (K,)
        Variances along one axis.
    undisturbed : (L,)
        Of the tracks that were detected and are not occluded, whether no other disturbs them.
    """

    rows: Indices
    positions_um: Floats
    variances_um2: Floats
    undisturbed: Bools


def match_registered(
    matcher: Matcher,
    table: TrackTable,
    found: Mapping[int, Registered],
    measurements: Measurements,
    high: Bools,
    area_um2: float,
    misfits: Mapping[int, Floats],
) -> tuple[TrackTable, Mapping[int, Registered], Indices, Indices]:
    """Match tracks and measurements, with predictions that registrations have sharpened.

    A registration because of which a track would leave a measurement to nobody is not used: what
    is detected where the object was expected has the last word.

    Returns the table that was used, the registrations by row, and the rows and columns of matches.
    """
    sharp = table.sharpened(found)
    rows, columns = matcher.match(sharp, measurements, high, area_um2, misfits)
    alone = found.keys() - set(rows.tolist())
    if not alone or not len(measurements):
        return sharp, found, rows, columns
    others = {row: one for row, one in found.items() if row not in alone}
    plain = table.sharpened(others)
    again, instead = matcher.match(plain, measurements, high, area_um2, misfits)
    taken = set(columns.tolist())
    pairs = zip(again.tolist(), instead.tolist(), strict=True)
    if any(row in alone and column not in taken for row, column in pairs):
        return plain, others, again, instead
    return sharp, found, rows, columns


def place(
    close: ClosePairs,
    assigned: Assigned,
    found: Mapping[int, Registered],
    measurements: Measurements,
) -> Placed:
    """Say where the tracks are that were detected or registered, ``found`` by row."""
    rows = np.flatnonzero(assigned.columns >= 0)
    positions_um, variances, undisturbed = resolve(close, assigned, rows, measurements)
    sizes_um = measurements.sizes_um[assigned.columns[rows]].tolist()
    for k, row in enumerate(rows.tolist()):
        if row in found:
            positions_um[k], variances[k] = found[row].fuse(
                positions_um[k], sizes_um[k], float(variances[k]), bool(undisturbed[k])
            )
    alone = [row for row in found if assigned.columns[row] < 0]
    places_um = [found[row].position_um for row in alone]
    return Placed(
        np.append(rows, np.array(alone, np.intp)),
        np.concatenate([positions_um, np.reshape(places_um, (-1, 2))]),
        np.append(variances, [found[row].variance_um2 for row in alone]),
        undisturbed[assigned.occluders[rows] < 0],
    )
