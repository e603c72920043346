"""Tracks as columns: how much their measurements vary, and predictions that are sharpened."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pursuit.controller.tracking.registration import Registered
from pursuit.controller.tracking.track_table import noise_scales
from pursuit.models import predictors
from pursuit.models.predictors import Predictor

STATED_UM2 = 0.15**2


def followed(name: str, noise_um: float) -> tuple[Predictor, int]:
    """Measure an object that rests 200 times."""
    predictor, rng = predictors.create(name), np.random.default_rng(0)
    slots = np.empty(0, np.intp)
    for k in range(200):
        predictor.advance(k * 10**9)
        at_um, stated = rng.normal(0, noise_um, (1, 2)), np.full(1, STATED_UM2)
        if k == 0:
            slots = predictor.begin(np.hstack([at_um, [[0]]]), stated)
        else:
            predictor.update(slots, at_um, stated)
    return predictor, int(slots[0])


@pytest.mark.parametrize(
    ("noise_um", "size_um", "sigma_um"),
    [(0.6, 20.0, 0.6), (6.0, 20.0, 3.0), (0.01, 20.0, 0.15), (6.0, 0.1, 0.15)],
)
def test_the_noise_is_what_the_predictor_found_within_bounds(
    make_track: Any, noise_um: float, size_um: float, sigma_um: float
) -> None:
    predictor, slot = followed("auto", noise_um)
    track = make_track(1, 0, size_um=size_um)
    track.slot = slot
    scale = noise_scales(predictor, [track], STATED_UM2)
    assert np.sqrt(scale * STATED_UM2) == pytest.approx([sigma_um], rel=0.2)


def test_without_an_estimate_it_is_what_was_stated(make_track: Any) -> None:
    class Silent:
        pass

    silent: Any = Silent()
    assert noise_scales(silent, [make_track(1, 0)], STATED_UM2).tolist() == [1]


def test_a_registration_sharpens_a_prediction_as_a_measurement_does(
    make_track: Any, make_table: Any
) -> None:
    table = make_table([make_track(7, 0, sigma_um=2), make_track(8, 50, sigma_um=2)])
    found = table.rows_of({7: Registered(np.array([3.0, 0.0]), 4.0, 6.0)})
    sharp = table.sharpened(found)
    assert sharp.means_um.tolist() == [[1.5, 0], [50, 0]]
    np.testing.assert_allclose(sharp.covs_um2, [np.eye(2) * 2, np.eye(2) * 4])
    assert table.means_um.tolist() == [[0, 0], [50, 0]]


def test_no_registration_is_more_precise_than_a_measurement(
    make_track: Any, make_table: Any
) -> None:
    table = make_table([make_track(7, 0)])
    found = table.rows_of({7: Registered(np.zeros(2), 0.0, 6.0), 9: Registered(np.zeros(2), 0, 1)})
    assert list(found) == [0]
    assert found[0].variance_um2 == table.noises_um2[0]
