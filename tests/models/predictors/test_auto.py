"""The default predictor: models join when an object is watched; forecasts mixed and calibrated."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from pursuit.controller.bench.predict.motions import MOTIONS, Circling, modelled
from pursuit.controller.bench.predict.predict import evaluate, simulated
from pursuit.models import predictors
from pursuit.models.predictors import Forecast
from pursuit.models.predictors.forecast_mixing import ForecastMixer

NS = 1_000_000_000


@pytest.mark.parametrize("name", ["oscillating", "circling"])
def test_what_swings_or_circles_is_predicted_far_better_than_by_constant_velocity(
    name: str,
) -> None:
    observed = simulated(next(m for m in MOTIONS if m.name == name), 20, 200, 5)
    auto, straight = (evaluate(predictors.create(n), observed) for n in ("auto", "kalman"))
    for horizon in (4, 8):
        assert auto[horizon][0] < 0.7 * straight[horizon][0]
    assert all(0.87 < coverage < 0.99 for _, coverage in auto.values())


def test_a_tight_circle_is_not_left_at_its_tangent() -> None:
    motion = Circling(speed_um_s=60.0, radius_um=4.0, drift=0.01)
    observed = simulated(modelled("tight", motion, 0.02, 0.02), 10, 150, 1)
    assert evaluate(predictors.create("auto"), observed)[8][0] < 1.0


def test_more_models_and_the_network_join_for_what_is_watched() -> None:
    watching, silent = predictors.create("auto"), predictors.create("auto")
    rng, places = np.random.default_rng(2), np.zeros((2, 2))
    for predictor in (watching, silent):
        predictor.advance(0)
        slots = predictor.begin(np.zeros((2, 3)), np.full(2, 0.01))
    for t in range(1, 60):
        places = places + rng.normal(1.0, 0.5, (2, 2))
        for predictor in (watching, silent):
            predictor.advance(t * NS)
            predictor.update(slots, places, np.full(2, 0.01))
        watching.watch(slots[:1], (t + 2) * NS)
    now = 59 * NS
    here = watching.predict(slots, now), silent.predict(slots, now)
    np.testing.assert_allclose(here[0].means_um, here[1].means_um, atol=0.15)
    far = watching.predict(slots, now + 2 * NS), silent.predict(slots, now + 2 * NS)
    assert np.abs(far[0].means_um - far[1].means_um)[0, :2].max() > 1e-6
    np.testing.assert_allclose(far[0].means_um[1], far[1].means_um[1], atol=0.5)


def _forecast(at_ns: int, means: np.ndarray, sigma: float) -> Forecast:
    covs = np.tile(sigma**2 * np.eye(3), (len(means), 1, 1))
    return Forecast(at_ns, np.pad(means, ((0, 0), (0, 1))), covs, "someone")


def _kept(mixer: ForecastMixer, rows: np.ndarray, t: int, said: list[Forecast]) -> Forecast:
    mixed = mixer.mix(rows, t * NS, 1.0, said[0], said[1])
    mixer.keep(mixed, t * NS, 1.0)
    return mixed.forecast


def _mixed(better: int, sigma: float, error: float = 1.0, frames: int = 200) -> Forecast:
    """The last mixed forecast of ten objects, one predictor being five times as wrong."""
    mixer, rng, rows = ForecastMixer(), np.random.default_rng(0), np.arange(10)
    mixer.begin(rows)
    mixed = None
    for t in range(frames):
        truth = rng.normal(0, 100, (10, 2))
        errors = [error, 5 * error] if better == 0 else [5 * error, error]
        said = [_forecast((t + 1) * NS, truth + rng.normal(0, e, (10, 2)), sigma) for e in errors]
        mixed = _kept(mixer, rows, t, said)
        mixer.learn((t + 1) * NS, 1.0, rows, truth, np.full(10, 1e-6))
        if t == frames - 1:
            off = mixed.means_um[:, :2] - said[better].means_um[:, :2]
            assert np.abs(off).max() < 0.2 * error
    assert mixed is not None
    return mixed


@pytest.mark.parametrize("better", [0, 1])
def test_the_better_predictor_gets_the_weight(better: int) -> None:
    _mixed(better, 1.0)


@pytest.mark.parametrize("stated", [0.4, 1.0, 2.5])
def test_a_wrong_covariance_is_corrected(stated: float) -> None:
    sigma = np.sqrt(_mixed(0, stated).covs_um2[:, 0, 0].mean())
    assert sigma == pytest.approx(1.0, rel=0.25)


def test_a_forecast_of_one_object_is_not_compared_with_the_next_in_its_row() -> None:
    told = []
    for left_by_another in (False, True):
        mixer, rows, rng = ForecastMixer(), np.arange(1), np.random.default_rng(0)
        mixer.begin(rows)
        for t in range(60):
            if left_by_another and t == 10:
                off = _forecast(12 * NS, np.full((1, 2), 1e4), 1.0)
                _kept(mixer, rows, t, [off, off])
            if t == 10:
                mixer.begin(rows)
            truth = rng.normal(0, 100, (1, 2))
            said = [_forecast((t + 1) * NS, truth + rng.normal(0, 1, (1, 2)), 1.0) for _ in "ab"]
            covs = _kept(mixer, rows, t, said).covs_um2
            mixer.learn((t + 1) * NS, 1.0, rows, truth, np.full(1, 1e-6))
            if t == 59:
                told.append(covs)
    np.testing.assert_array_equal(*told)


def test_a_forecast_kept_twice_is_learned_from_once() -> None:
    told = []
    for times in (1, 2):
        mixer, rows, rng = ForecastMixer(), np.arange(3), np.random.default_rng(0)
        mixer.begin(rows)
        for t in range(40):
            truth = rng.normal(0, 100, (3, 2))
            said = [_forecast((t + 1) * NS, truth + rng.normal(0, e, (3, 2)), 1.0) for e in (1, 2)]
            mixed = [_kept(mixer, rows, t, said) for _ in range(times)]
            mixer.learn((t + 1) * NS, 1.0, rows, truth, np.full(3, 1e-6))
            told.append(mixed[-1].covs_um2)
    np.testing.assert_array_equal(told[:40], told[40:])


@pytest.mark.parametrize("seed", [0, 1])
def test_one_measurement_that_is_far_better_than_usual_does_not_make_the_others_worthless(
    seed: int,
) -> None:
    missed_um = []
    for best in (0.2, 0.01):
        predictor, rng = predictors.create("auto"), np.random.default_rng(seed)
        place, speed = np.zeros((1, 2)), rng.normal(0, 5, (1, 2))
        slots, said = predictor.begin(np.zeros((1, 3)), np.array([0.04])), []
        for t in range(1, 160):
            speed = speed + rng.normal(0, 0.5, (1, 2))
            place, sigma = place + speed, best if t == 100 else 0.2
            if said:
                missed_um.append(np.abs(said[-1].means_um[0, :2] - place).max())
            predictor.advance(t * NS)
            seen = place + rng.normal(0, sigma, (1, 2))
            predictor.update(slots, seen, np.array([sigma**2]))
            predictor.watch(slots, (t + 1) * NS)
            said.append(predictor.predict(slots, (t + 1) * NS))
    usual, after = np.array(missed_um).reshape(2, -1)[:, 110:]
    assert np.sqrt(np.mean(after**2)) < 1.1 * np.sqrt(np.mean(usual**2))


def test_forecasts_without_measurements_are_dropped() -> None:
    predictor = predictors.create("auto")
    predictor.advance(0)
    slots = predictor.begin(np.zeros((1, 3)), np.array([0.01]))

    def ask(first: int, last: int) -> int:
        for t in range(first, last):
            predictor.advance(t * NS)
            predictor.watch(slots, (t + 3) * NS)
            predictor.watch(slots, (t + 10**6) * NS)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        early = ask(1, 300)
        assert ask(300, 1500) - early < 100_000
    finally:
        tracemalloc.stop()


def test_a_new_object_in_a_row_inherits_nothing() -> None:
    predictor = predictors.create("auto")
    predictor.advance(0)
    rng = np.random.default_rng(1)
    slots = predictor.begin(np.zeros((1, 3)), np.array([0.01]))
    for t in range(1, 50):
        predictor.advance(t * NS)
        predictor.update(slots, rng.normal(0, 50, (1, 2)), np.array([0.01]))
        predictor.watch(slots, (t + 1) * NS)
    predictor.end(slots)
    with pytest.raises(ValueError, match="belongs to no object"):
        predictor.predict(slots, 60 * NS)
    fresh = predictor.begin(np.full((1, 3), 7.0), np.array([0.01]))
    assert predictor.predict(fresh, 50 * NS).means_um[0, :2] == pytest.approx(7.0, abs=0.01)
