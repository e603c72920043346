"""Trackers behind one way to be asked: detections in, identities out; Pursuit's own and others."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from ....drivers.clock import NS_PER_S
from ....models import predictors
from ....models.detections import Detections
from ...offline import OfflineTracker
from ...tracking import Track, TrackingSettings
from .crowd import INTERVAL_S, NOISE_PX, PIXEL_UM

Named = tuple[NDArray[np.intp], NDArray[np.float64]]
"""Identities (K,), and the centres (K, 2) in px of the detections that have them."""


class _Pursuit:
    """The tracker of this package with its defaults, but told how exact the detector is."""

    who = "pursuit"

    def __init__(self, size_px: int, predictor: str) -> None:
        self._middle_px = (size_px - 1) / 2
        settings = TrackingSettings(sigma_px=NOISE_PX)
        made = predictors.create(predictor)
        self._tracker = OfflineTracker(settings, made, size_px, size_px, PIXEL_UM)
        self._image = np.zeros((size_px, size_px), np.uint8)
        self._count = 0
        self._tracks: list[Track] = []

    def update(self, found: Detections) -> None:
        at_ns = round(self._count * INTERVAL_S * NS_PER_S)
        self._tracks = self._tracker.update(self._image, found, at_ns)
        self._count += 1

    def named(self) -> Named:
        seen = [(track.id, track.seen_um) for track in self._tracks if track.seen_um is not None]
        places_um = np.array([place for _, place in seen]).reshape(-1, 2)
        return np.array([id for id, _ in seen], np.intp), places_um / PIXEL_UM + self._middle_px


class _Norfair:
    """Norfair with its fast filter and its vectorised distance between centres.

    A match is nearer than 14 px; its noises are 1 px² of a position and of a change of speed;
    from the second measurement on an object has its name, and it is kept for up to twelve frames
    without one.
    """

    who = "norfair"

    def __init__(self) -> None:
        norfair: Any = import_module("norfair")
        self._detection = norfair.Detection
        self._tracker = norfair.Tracker(
            "euclidean",
            distance_threshold=14.0,
            hit_counter_max=12,
            initialization_delay=1,
            filter_factory=norfair.OptimizedKalmanFilterFactory(R=1.0, Q=1.0),
            past_detections_length=0,
        )
        self._count = 0
        self._objects: list[Any] = []

    def update(self, found: Detections) -> None:
        self._count += 1
        centres = found.centres_px[:, None].astype(np.float64)
        self._objects = self._tracker.update(
            [self._detection(points=centre, data=self._count) for centre in centres]
        )

    def named(self) -> Named:
        seen = [one for one in self._objects if one.last_detection.data == self._count]
        places_px = np.array([one.last_detection.points[0] for one in seen]).reshape(-1, 2)
        return np.array([one.id for one in seen], np.intp), places_px


class _ByteTrack:
    """Supervision's ByteTrack; from its version 0.31 on, that of its sister ``trackers``.

    Supervision's: scores from 0.25 on are sure, boxes match that overlap at all, nothing waits
    for a name. The other: 0.5, an overlap of a fiftieth. An object is kept for ten frames
    without a measurement.
    """

    who = "bytetrack"

    def __init__(self) -> None:
        supervision: Any = import_module("supervision")
        self._detections = supervision.Detections
        self._follow = _byte_tracker(supervision)
        self._seen: Any = None

    def update(self, found: Detections) -> None:
        given = self._detections(
            xyxy=found.boxes_px, confidence=found.scores, class_id=found.classes
        )
        self._seen = self._follow(given)

    def named(self) -> Named:
        names = self._seen.tracker_id
        boxes = self._seen.xyxy[names >= 0].astype(np.float64)
        return names[names >= 0].astype(np.intp), (boxes[:, :2] + boxes[:, 2:]) / 2


class _PerObject:
    """What one writes in an afternoon: a filterpy Kalman filter for each object, and scipy.

    Nearly constant velocity with a typical change of 0.75 px a frame, and of 3 px at first; the
    noise is known. The assignment has the least sum of squared distances, each below 12 px.
    From the second measurement in a row on an object has its name, and it is kept for ten frames
    without one.
    """

    who = "filterpy"

    def __init__(self) -> None:
        self._tracks: list[_Filtered] = []
        self._named = 0
        self._seen: list[tuple[int, NDArray]] = []

    def update(self, found: Detections) -> None:
        places = found.centres_px.astype(np.float64)
        for track in self._tracks:
            track.filter.predict()
            track.misses += 1
        expected = np.array([t.filter.x[:2, 0] for t in self._tracks]).reshape(-1, 2)
        costs = np.minimum(cdist(expected, places, "sqeuclidean"), _REACH_PX**2)
        free, self._seen = np.ones(len(places), bool), []
        for row, column in zip(*linear_sum_assignment(costs), strict=True):
            if costs[row, column] < _REACH_PX**2:
                free[column] = False
                self._see(self._tracks[row], places[column])
        self._tracks = [t for t in self._tracks if t.misses <= (_COAST if t.id else 0)]
        self._tracks += [_Filtered(place) for place in places[free]]

    def named(self) -> Named:
        places_px = np.array([place for _, place in self._seen]).reshape(-1, 2)
        return np.array([id for id, _ in self._seen], np.intp), places_px

    def _see(self, track: _Filtered, place: NDArray) -> None:
        track.filter.update(place)
        track.misses = 0
        if not track.id:
            self._named += 1
            track.id = self._named
        self._seen.append((track.id, place))


_REACH_PX, _COAST = 12.0, 10
"""Farthest match, the objects' diameter, and frames that a track survives: as many as ours."""
_CHANGE_PX, _FIRST_SPEED_PX = 0.75, 3.0
"""Standard deviations of a change of step in a frame and of the first step: those of the crowd's
motions, so that the filter is as well tuned as it can be."""


class _Filtered:
    """One object of `_PerObject`: position and velocity in px and frames."""

    def __init__(self, place: NDArray) -> None:
        self.id = self.misses = 0
        self.filter = import_module("filterpy.kalman").KalmanFilter(dim_x=4, dim_z=2)
        self.filter.x[:2, 0] = place
        self.filter.F = np.eye(4) + np.eye(4, k=2)
        self.filter.H = np.eye(2, 4)
        self.filter.R *= NOISE_PX**2
        self.filter.P = np.diag([NOISE_PX**2] * 2 + [_FIRST_SPEED_PX**2] * 2)
        shaken = np.array([[1 / 3, 1 / 2], [1 / 2, 1]])
        self.filter.Q = _CHANGE_PX**2 * np.kron(shaken, np.eye(2)).astype(np.float64)


Contender = _Pursuit | _Norfair | _ByteTrack | _PerObject
"""A tracker with a crowd to itself: `update` takes in the detections of a frame, `named` then tells
which of them belong to whom."""


def openers(
    size_px: int, predictor: str, on_note: Callable[[str], None]
) -> list[Callable[[], Contender]]:
    """Return what makes the trackers that work here for a square field, Pursuit's first.

    ``on_note`` is told what is left out, and why.
    """
    found: list[Callable[[], Contender]] = [lambda: _Pursuit(size_px, predictor)]
    peers = {
        _Norfair: find_spec("norfair") is not None,
        _ByteTrack: _has_byte_tracker(),
        _PerObject: find_spec("filterpy") is not None,
    }
    for peer, installed in peers.items():
        if installed:
            found.append(peer)
        else:
            on_note(f'{peer.who} is left out: install it with pip install "pursuit[bench]"')
    return found


def _has_byte_tracker() -> bool:
    if not find_spec("supervision"):
        return False
    return hasattr(import_module("supervision"), "ByteTrack") or find_spec("trackers") is not None


def _byte_tracker(supervision: Any) -> Callable[[Any], Any]:
    if hasattr(supervision, "ByteTrack"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tracker = supervision.ByteTrack(
                track_activation_threshold=0.25,
                lost_track_buffer=10,
                minimum_matching_threshold=0.99,
                minimum_consecutive_frames=1,
            )
        return tracker.update_with_detections
    trackers: Any = import_module("trackers")
    return trackers.ByteTrackTracker(
        track_activation_threshold=0.5,
        lost_track_buffer=10,
        minimum_consecutive_frames=1,
        minimum_iou_threshold=0.02,
        high_conf_det_threshold=0.5,
    ).update
