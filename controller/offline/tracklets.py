"""Tracklets: measurements of a movie that were linked, as a table that can be cut and joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from ...models.arrays import Bools, Floats, Indices
from ...models.detections import Detections

Link = tuple[tuple[int, int], tuple[int, int]]
"""From a detection to one in a later frame, each as frame and row."""


@dataclass(frozen=True, slots=True, eq=False)
class Tracklets:
    """Measurements in the order of their tracklets, and within each in that of frames.

    Attributes
    ----------
    ids, frames : (P,) intp
        Which tracklet each belongs to, and its frame; one of a tracklet in a frame at most.
    positions_um : (P, 2)
    sizes_um, scores : (P,)
        As in `Track`.
    sources : (P,) intp
        Identity that the tracker gave, whatever was cut or joined afterwards.
    mothers : mapping of int to int
        From the source of a daughter to that of her mother.
    """

    ids: Indices
    frames: Indices
    positions_um: Floats
    sizes_um: Floats
    scores: Floats
    sources: Indices
    mothers: Mapping[int, int]

    def __len__(self) -> int:
        return len(self.ids)

    def named(self, ids: Indices) -> Tracklets:
        """Return them with other names, (P,), put in order."""
        order = np.lexsort((self.frames, ids))
        return replace(self, ids=ids).at(order)

    def at(self, rows: Indices | Bools) -> Tracklets:
        """Return some of the rows, in order."""
        return Tracklets(
            self.ids[rows],
            self.frames[rows],
            self.positions_um[rows],
            self.sizes_um[rows],
            self.scores[rows],
            self.sources[rows],
            self.mothers,
        )

    @property
    def firsts(self) -> Indices:
        """Rows in which tracklets begin, (K,)."""
        return np.flatnonzero(np.diff(self.ids, prepend=-1))

    @property
    def lasts(self) -> Indices:
        """Rows in which they end, (K,)."""
        return np.append(self.firsts[1:], len(self))[: len(self.firsts)] - 1

    @property
    def lengths(self) -> Indices:
        """Measurements of each, (K,)."""
        return self.lasts - self.firsts + 1

    @property
    def inside(self) -> Indices:
        """Rows that are followed by another one of the same tracklet."""
        return np.flatnonzero(np.diff(self.ids) == 0)

    def gaps(self) -> Indices:
        """Frames from each row `inside` to the next."""
        return np.diff(self.frames)[self.inside]

    def steps_um(self) -> Floats:
        """Distance from each row `inside` to the next."""
        return np.hypot(*np.diff(self.positions_um, axis=0)[self.inside].T)

    def mother_of(self) -> dict[int, int]:
        """Names of the mothers of those tracklets that begin with a division, by name.

        A mother is named whose tracklet still ends with the division.
        """
        firsts, lasts = self.firsts, self.lasts
        ended = dict(zip(self.sources[lasts].tolist(), self.ids[lasts].tolist(), strict=True))
        began = zip(self.ids[firsts].tolist(), self.sources[firsts].tolist(), strict=True)
        found = {name: ended.get(self.mothers.get(source, 0), 0) for name, source in began}
        return {name: mother for name, mother in found.items() if mother not in (0, name)}


def backdated(tracklets: Tracklets) -> Tracklets:
    """Begin daughters when the first of the two was seen.

    A tracker knows of a division only some frames later: until then, the daughter in the place of
    her mother goes by the mother's name.
    """
    began = dict(
        zip(
            tracklets.ids[tracklets.firsts].tolist(),
            tracklets.frames[tracklets.firsts].tolist(),
            strict=True,
        )
    )
    pairs: dict[int, list[int]] = {}
    for daughter, mother in tracklets.mothers.items():
        if daughter in began:
            pairs.setdefault(mother, []).append(daughter)
    ids = tracklets.ids.copy()
    for mother, daughters in pairs.items():
        if len(daughters) == 2 and mother in began:
            first, later = sorted(daughters, key=began.__getitem__)
            begin, end = np.searchsorted(tracklets.ids, (mother, mother + 1))
            since = begin + np.searchsorted(tracklets.frames[begin:end], began[first])
            free = since > begin and tracklets.frames[end - 1] < began[later]
            ids[since:end] = later if free else mother
    return replace(tracklets.named(ids), sources=np.sort(ids))


def along(
    links: Sequence[Link], found: Sequence[Detections], sides_px: tuple[int, int], pixel_um: float
) -> Tracklets:
    """Follow links of detections in images of a width and height; what two lead to divides there.

    No more than one link leads to a detection. Detections without links are left out.
    """
    mother_of = {other: one for one, other in links}
    daughters: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for one, other in links:
        daughters.setdefault(one, []).append(other)
    names: dict[tuple[int, int], int] = {}
    mothers, free = dict[int, int](), count(1)
    for spot in sorted({*mother_of, *daughters}):
        mother = mother_of.get(spot)
        if mother is not None and len(daughters[mother]) == 1:
            names[spot] = names[mother]
            continue
        names[spot] = next(free)
        if mother is not None:
            mothers[names[spot]] = names[mother]
    middle_px = (np.array(sides_px) - 1) / 2
    table = np.array(
        [
            (*found[frame].centres_px[row], *found[frame].sizes_px[row], found[frame].scores[row])
            for frame, row in names
        ],
        np.float64,
    ).reshape(-1, 5)
    frames = np.array([frame for frame, _ in names], np.intp)
    ids = np.array([*names.values()], np.intp)
    places_um = (table[:, :2] - middle_px) * pixel_um
    sizes_um = np.sqrt(table[:, 2] * table[:, 3]) * pixel_um
    return Tracklets(ids, frames, places_um, sizes_um, table[:, 4], ids, mothers).named(ids)
