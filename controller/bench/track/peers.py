"""Linkers of other packages: detections of a movie in, points of tracks out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from typing import Any

import numpy as np

from ....models.detections import Detections
from ...offline import TrackPoints

_SCORES = 0.0, 0.3, 0.5
_RANGES = 0.25, 0.5, 1.0, 1.5, 2.0
_MEMORIES = 0, 2, 5
_GAPS = (2,)
"""Settings among which the best is looked for: least scores, ranges in median sizes of the
detections, frames of a gap. Chosen: laptrack is slow, and hardly depends on the latter."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Of a peer: least score of a detection, range over the median size, frames of a gap."""

    least_score: float
    range: float
    memory: int


@dataclass(frozen=True, slots=True)
class Peer:
    """A linker of another package.

    Attributes
    ----------
    who : str
    link : callable
        Table with frame, x and y of N detections, range in px and frames of a gap in; frames,
        tracks (N,) and positions (N, 2) out, or None if it gives up.
    usual : Setting
        The best of all on movies made of other stills than those that are reported.
    settings : tuple of Setting
        All that may be tried.
    """

    who: str
    link: Callable[[Any, float, int], Any]
    usual: Setting
    settings: tuple[Setting, ...]

    def points(self, found: Sequence[Detections], setting: Setting) -> TrackPoints | None:
        """Link; None if the peer gives up. Tracks of a single position are left out."""
        sizes_px = np.concatenate([np.sqrt(one.sizes_px.prod(axis=1)) for one in found])
        sure = [one.pick(one.scores >= setting.least_score) for one in found]
        if not any(len(one) for one in sure):
            return TrackPoints(np.empty(0, np.intp), np.empty(0, np.intp), np.empty((0, 2)))
        frames = np.repeat(np.arange(len(sure)), [len(one) for one in sure])
        places = np.concatenate([one.centres_px for one in sure]).astype(np.float64)
        columns = {"frame": frames, "x": places[:, 0], "y": places[:, 1]}
        table = import_module("pandas").DataFrame(columns)
        range_px = setting.range * float(np.median(sizes_px))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            linked = self.link(table, range_px, setting.memory)
        if linked is None:
            return None
        frames, ids, places = (np.asarray(column) for column in linked)
        _, which, counts = np.unique(ids, return_inverse=True, return_counts=True)
        whole = counts[which] > 1
        return TrackPoints(frames[whole].astype(np.intp), which[whole], places[whole])


def peers(on_note: Callable[[str], None]) -> Iterator[Peer]:
    """Peers that are installed; ``on_note`` is told what is left out, and why."""
    known = (
        Peer("trackpy", _trackpy, Setting(0.3, 1.5, 5), _all_of(_MEMORIES)),
        Peer("laptrack", _laptrack, Setting(0.3, 1.0, 2), _all_of(_GAPS)),
    )
    for peer in known:
        if find_spec(peer.who) is not None:
            yield peer
        else:
            on_note(f'{peer.who} is left out: install it with pip install "pursuit[bench]"')


def _all_of(memories: Sequence[int]) -> tuple[Setting, ...]:
    return tuple(Setting(*one) for one in product(_SCORES, _RANGES, memories))


def _trackpy(table: Any, range_px: float, memory: int) -> Any:
    """Crocker and Grier's linking; None where too many are within range of one another."""
    trackpy: Any = import_module("trackpy")
    trackpy.quiet()
    try:
        linked = trackpy.link(table, search_range=range_px, memory=memory)
    except trackpy.SubnetOversizeException:
        return None
    return linked["frame"], linked["particle"], linked[["x", "y"]]


def _laptrack(table: Any, range_px: float, gap: int) -> Any:
    """Jaqaman et al.'s two steps; gaps may be bridged as far as two steps diffuse."""
    tracker = import_module("laptrack").LapTrack(
        cutoff=range_px**2,
        gap_closing_cutoff=2 * range_px**2,
        gap_closing_max_frame_count=gap,
        splitting_cutoff=False,
    )
    linked, _, _ = tracker.predict_dataframe(
        table, coordinate_cols=["x", "y"], frame_col="frame", only_coordinate_cols=False
    )
    return linked["frame"], linked["track_id"], linked[["x", "y"]]
