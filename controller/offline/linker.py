"""Linking of the detections of a whole movie: what a tracker cannot do that must not look ahead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ...models.arrays import Floats
from ...models.detections import Detections
from ...models.images import Recording
from ..assembly import make_predictor, suggested_for_movie
from ..configuration import Config, make_config, merge
from .joining import SIGMAS, cut, joined, longest_step_um
from .plausibility import plausibility
from .selection import credible, without_duplicates
from .tracker import OfflineTracker, tracklets_of
from .tracklets import Tracklets

OnProgress = Callable[[int, int], None]

_STRONG = 0.9
"""Quantile of the scores in a movie that stands for a sure detection."""
_BEGINS = 0.4
"""Score over that from which a detection begins a tracklet. Chosen on movies made of other stills
than those that `pursuit bench track` reports, of 0.2, 0.4 and 0.6."""
_EXACTNESS = 1.0, 2.0
"""Standard deviations of a detected position that are tried, over that which the detector suggests.
Chosen: of objects that turn sharply, a tracker loses fewer that does not take it too exactly."""
LEAST_MEASUREMENTS = 2
"""Of a track: a single measurement is none."""


class MovieLinker(Protocol):
    """What turns the detections of a movie into tracks.

    Attributes
    ----------
    wants_masks : bool
        Whether it looks at the masks of detections.
    """

    wants_masks: bool

    def link(
        self, found: Sequence[Detections], on_progress: OnProgress = lambda done, total: None
    ) -> Tracklets:
        """Link the detections of all frames; ids are those of tracks, from 1 in order of frames."""
        ...


MakeLinker = Callable[[Recording, Mapping[str, Any]], MovieLinker]
"""From a movie and the tables of a configuration, as far as they are given."""


class Linker:
    """Turns the detections of a movie into tracks.

    The tracker links from frame to frame, with every detection that is sure enough beginning a
    tracklet. Then it is looked at the whole: tracklets are cut where they go farther than objects
    of this movie do, joined over gaps, and left out where they repeat another one or were never
    seen surely.

    What is asked for in the table ``tracking`` is kept to: with ``high_score`` no track is left out
    because of its scores, ``confirm_hits`` is the least number of measurements of a track, and
    ``max_misses`` the longest gap.

    Parameters
    ----------
    movie : Recording
    tables : mapping
        Of a configuration, as far as they are given.
    """

    wants_masks = False

    def __init__(self, movie: Recording, tables: Mapping[str, Any]) -> None:
        self._sides_px = movie.width_px, movie.height_px
        self._pixel_um, self._interval_s = movie.pixel_um, movie.interval_s
        self._tables, self._given = tables, tables.get("tracking", {})
        self._wanted = make_config({**tables})
        make_predictor(self._wanted)

    def link(
        self, found: Sequence[Detections], on_progress: OnProgress = lambda done, total: None
    ) -> Tracklets:
        """Link the detections of all frames; ids are those of tracks, from 1 in order of frames."""
        settings, tried = self._settings(found), list[tuple[Tracklets, float]]()
        for config in settings:
            tried.append(self._linked(found, config))
            on_progress(len(tried), len(settings))
        sigma_um = float(np.median([longest_um for _, longest_um in tried])) / SIGMAS
        return in_order(max((one for one, _ in tried), key=lambda one: plausibility(one, sigma_um)))

    def _linked(self, found: Sequence[Detections], config: Config) -> tuple[Tracklets, float]:
        """Link with some settings; return also the longest possible step."""
        predictor = make_predictor(config)
        tracker = OfflineTracker(config.tracking, predictor, *self._sides_px, self._pixel_um)
        tracklets = tracklets_of(found, tracker, self._sides_px, self._interval_s)
        longest_um = longest_step_um(tracklets)
        whole = joined(cut(tracklets, longest_um), longest_um, config.tracking.max_misses)
        least = max(LEAST_MEASUREMENTS, config.tracking.confirm_hits)
        by_score = "high_score" not in self._given
        return credible(without_duplicates(whole), least, by_score), longest_um

    def _settings(self, found: Sequence[Detections]) -> list[Config]:
        """Complete what is given by what the detections tell; several are to be tried."""
        options = dict(self._wanted.detector)
        sizes_px = np.concatenate([np.empty(0), *(_sizes_px(one) for one in found)])
        if len(sizes_px) and "diameter_px" not in options:
            options["diameter_px"] = float(np.median(sizes_px))
        suggested = suggested_for_movie(self._pixel_um, self._interval_s, options)
        tracking, predictor = suggested["tracking"], suggested["predictor"]
        tracking["high_score"] = begins_at(found)
        sigma_px = tracking.pop("sigma_px")
        tried = _EXACTNESS if "sigma_px" not in self._given else _EXACTNESS[:1]
        return [
            make_config(
                merge(
                    {"tracking": tracking | {"sigma_px": factor * sigma_px}},
                    {"predictor": predictor},
                    self._tables,
                )
            )
            for factor in tried
        ]


def begins_at(found: Sequence[Detections]) -> float:
    """Score from which a detection begins a track, by what is sure in this movie."""
    scores = np.concatenate([np.zeros(1), *(one.scores for one in found)])
    return _BEGINS * float(np.quantile(scores, _STRONG))


def _sizes_px(found: Detections) -> Floats:
    return np.sqrt(found.sizes_px.prod(axis=1, dtype=np.float64))


def in_order(tracklets: Tracklets) -> Tracklets:
    """Name them from 1 on, in the order of their first frames."""
    order = np.argsort(tracklets.frames[tracklets.firsts], kind="stable")
    names = np.empty(len(order), np.intp)
    names[order] = np.arange(1, len(order) + 1)
    return tracklets.named(np.repeat(names, tracklets.lengths))
