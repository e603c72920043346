"""Tracks and measurements as columns, from a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import pytest
from numpy.typing import ArrayLike
from pursuit.controller.tracking.field_geometry import Measurements
from pursuit.controller.tracking.track import Track
from pursuit.controller.tracking.track_table import TrackTable
from pursuit.models import predictors
from pursuit.models.detections import BoxConvention
from pursuit.models.predictors import Forecast, Prediction

MakeTrack = Callable[..., Track]
MakeTable = Callable[..., TrackTable]

NOISE_UM2 = 0.01
MakeMeasurements = Callable[..., Measurements]


@pytest.fixture(scope="session")
def make_track() -> MakeTrack:
    predictor = predictors.create("brownian")

    def make(
        id: int,
        x_um: float,
        y_um: float = 0.0,
        *,
        sigma_um: float = 0.5,
        size_um: float = 6.0,
        brightness: float = 1000.0,
        seen: bool = True,
        hits: int = 100,
        born_ns: int = 0,
    ) -> Track:
        mean_um = np.array([x_um, y_um, 0.0])
        track = Track(
            predictor,
            id,
            Prediction(0, mean_um, np.eye(3) * sigma_um**2, "test"),
            id,
            hits=hits,
            size_um=size_um,
            brightness=brightness,
            seen_um=mean_um[:2] if seen else None,
            born_ns=born_ns,
        )
        track.appearance = track.last_appearance
        track.past.extend([track.appearance] * 10)
        return track

    return make


@pytest.fixture(scope="session")
def make_table() -> MakeTable:
    def make(tracks: list[Track], wanted: Collection[int] = ()) -> TrackTable:
        means_um = np.array([track.prediction.mean_um for track in tracks]).reshape(-1, 3)
        covs_um2 = np.array([track.prediction.cov_um2 for track in tracks]).reshape(-1, 3, 3)
        noises_um2 = np.full(len(tracks), NOISE_UM2)
        return TrackTable.of(tracks, Forecast(0, means_um, covs_um2, "test"), noises_um2, wanted)

    return make


@pytest.fixture(scope="session")
def make_measurements() -> MakeMeasurements:
    def make(
        positions_um: ArrayLike,
        size_um: ArrayLike = 6.0,
        brightness: ArrayLike = 1000.0,
        extents_um: ArrayLike | None = None,
        convention: BoxConvention | None = None,
    ) -> Measurements:
        positions = np.reshape(np.array(positions_um, np.float64), (-1, 2))
        n = len(positions)
        sizes, lights = (np.full(n, value, np.float64) for value in (size_um, brightness))
        extents = np.tile(sizes[:, None], 2) if extents_um is None else extents_um
        return Measurements(
            positions,
            sizes,
            np.ones(n, np.float32),
            lights.astype(np.float32),
            np.zeros(n, np.int32),
            np.log(np.column_stack([sizes, lights])),
            np.reshape(np.array(extents, np.float64), (-1, 2)),
            convention or BoxConvention(),
        )

    return make
