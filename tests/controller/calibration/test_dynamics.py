"""A response is found though few images are taken while the stage moves."""

from __future__ import annotations

import numpy as np
import pytest
from pursuit.controller.calibration.dynamics import (
    Excitation,
    Response,
    fit_dynamics,
    mean_travel_um,
    rough_response,
)

NOISE_UM, JITTER_S = 0.004, 5e-4


def moves(true: Response, interval_s: float, exposure_s: float, seed: int) -> list[Excitation]:
    """Steps along one axis at any time between exposures, and the images around each."""
    rng, found = np.random.default_rng(seed), []
    for number in range(30):
        way_um = 4.0 if number % 3 else 20.0
        first_s = rng.uniform(-3, -2) * interval_s
        begin = np.linspace(first_s, first_s + 12 * interval_s, 13, dtype=np.float64)
        ways, none = np.full(len(begin), way_um), np.zeros(len(begin))
        late = begin - float(rng.normal(0, JITTER_S))
        travel = mean_travel_um(late, late + exposure_s, ways, none, true)
        travel += rng.normal(0, NOISE_UM, len(begin))
        exposures = np.array([begin, begin + exposure_s], np.float64).T
        centred = np.eye(len(begin)) - 1 / len(begin)
        found.append(Excitation(exposures, travel, centred / NOISE_UM, way_um, 0.0, number))
    return found


def test_ringing_is_found_in_few_images() -> None:
    seen = moves(Response(0.015, 1e6, 100_000.0, 80.0, 0.3), 0.033, 0.008, seed=2)
    fit = fit_dynamics(seen, rough_response(seen))
    assert fit.response.delay_s == pytest.approx(0.015, abs=5e-4)
    assert fit.response.acceleration_um_s2 == pytest.approx(100_000.0, rel=0.15)
    assert fit.response.ring_hz == pytest.approx(80.0, rel=0.05)
    assert fit.jitter_s < 2 * JITTER_S
