"""Tracklets: measurements of a movie that were linked, as a table that can be cut and joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...models.arrays import Bools, Floats, Indices


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
