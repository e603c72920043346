"""The bench of predictors: what it measures, on which motions, in which rows."""

import json
from functools import partial

import numpy as np
import pytest
from pursuit.controller.bench.follow.bound import riccati_um
from pursuit.controller.bench.predict import predict as bench
from pursuit.controller.bench.predict.motions import MOTIONS, BenchMotion, Circling, Levy
from pursuit.controller.bench.predict.optimal import TrueParticles
from pursuit.controller.cli.bench import app
from pursuit.controller.cli.options import read_all_tracks
from pursuit.controller.datasets import walked
from pursuit.controller.datasets.simulated_tracks import HELD_BACK, KEPT_APART, draw_motion
from pursuit.models.errors import ModelError
from pursuit.models.predictors import Forecast
from pursuit.sim.motion import Brownian, Persistent
from typer.testing import CliRunner

LINEAR = (Brownian(diffusion_um2_s=0.5), Persistent(speed_um_s=3.0, persistence_s=2.0))


class _Still:
    """Says that everything stays, with a spread of one micrometre on each axis."""

    name = "still"

    def __init__(self):
        self._places = np.zeros((0, 3))
        self.ended = []

    def advance(self, at_ns):
        self.at_ns = at_ns

    def begin(self, positions_um, variances_um2):
        first = len(self._places)
        self._places = np.concatenate([self._places, positions_um])
        return np.arange(first, len(self._places))

    def update(self, slots, positions_um, variances_um2):
        self._places[slots, :2] = positions_um

    def focus(self, slots, z_um, variances_um2):
        self._places[slots, 2] = z_um

    def end(self, slots):
        self.ended.extend(slots)

    def watch(self, slots, at_ns):
        pass

    def predict(self, slots, at_ns):
        return Forecast(at_ns, self._places[slots], np.tile(np.eye(3), (len(slots), 1, 1)), "still")


def _straight(times_s, count, rng):
    return np.tile(np.column_stack([0.75 * times_s, 0 * times_s]), (count, 1, 1))


def test_errors_and_coverage_are_those_of_the_prediction():
    observed = bench.simulated(BenchMotion("straight", _straight, 1.0, 1e-9), 3, 60, 0)
    results = bench.evaluate(_Still(), observed)
    for horizon, (rms_um, coverage) in results.items():
        assert rms_um == pytest.approx(0.75 * horizon)
        assert coverage == (1.0 if rms_um < np.sqrt(bench.WITHIN_95) else 0.0)


def test_objects_of_a_file_come_and_go(tmp_path):
    path = tmp_path / "tracks.csv"
    rows = [f"a,{t},{t},0" for t in range(6)] + [f"b,{t},0,{t}" for t in (3, 4, 6, 7, 8, 9)]
    path.write_text("\n".join(["track,t,x,y", *rows]), "utf-8")
    (tracks,) = read_all_tracks([path], "")
    still = _Still()
    results = bench.evaluate(still, bench.measured(tracks, 2.0))
    assert results[1][0] == pytest.approx(2.0) and results[2][0] == pytest.approx(4.0)
    assert sorted(still.ended) == [0, 1]


def test_rows_compare_with_constant_velocity(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "MOTIONS", (MOTIONS[0],))
    path = tmp_path / "rows.json"
    arguments = ["predict", "--predictor", "brownian", "--json", str(path)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    rows = json.loads(path.read_text("utf-8"))["rows"]
    assert [row["horizon_frames"] for row in rows] == list(bench.HORIZONS)
    assert {row["predictor"] for row in rows} == {"brownian"}
    assert all(row["vs_cv"] < 1 and 0.9 < row["coverage95"] < 0.99 for row in rows)
    assert all(0.5 < row["best_vs_cv"] <= row["vs_cv"] for row in rows)


def test_there_is_no_optimal_predictor_of_real_tracks(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "MOTIONS", ())
    path = tmp_path / "tracks.csv"
    path.write_text("\n".join(["track,t,x,y", *(f"a,{t},{t},0" for t in range(6))]), "utf-8")
    rows = bench.run(read_all_tracks([path], ""), ["brownian"])
    assert rows and all(row["best_vs_cv"] is None for row in rows)


@pytest.mark.parametrize("motion", LINEAR)
def test_the_error_of_the_optimal_predictor_is_the_bound(motion):
    known = BenchMotion("known", partial(walked, motion), 0.1, 0.2, motion)
    observed = bench.simulated(known, 400, 90, 0)
    assert observed.optimal
    for horizon, (rms_um, coverage) in bench.evaluate(observed.optimal, observed).items():
        transition, diffusion = motion.matrices(0.1)
        bound_um = riccati_um(transition, diffusion, 0.2, horizon)
        assert rms_um == pytest.approx(bound_um, rel=0.02)
        assert coverage == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("motion", LINEAR)
def test_particles_come_close_to_the_bound_and_stay_above(motion):
    observed = bench.simulated(
        BenchMotion("known", partial(walked, motion), 0.1, 0.2, motion), 40, 90, 0
    )
    assert observed.optimal
    exact = bench.evaluate(observed.optimal, observed)
    for horizon, (rms_um, coverage) in bench.evaluate(TrueParticles(motion, 0.2), observed).items():
        assert 0.99 < rms_um / exact[horizon][0] < 1.06
        assert 0.92 < coverage < 0.98


@pytest.mark.parametrize("name", ["run and tumble", "worm", "circling", "levy"])
def test_a_predictor_with_the_motion_model_is_better_than_one_without(name):
    number, motion = next((n, m) for n, m in enumerate(MOTIONS) if m.name == name)
    observed = bench.simulated(motion, 6, 120, number)
    assert observed.optimal
    best = bench.evaluate(observed.optimal, observed)
    without = bench.evaluate(bench.opened(bench.REFERENCE), observed)
    assert all(best[horizon][0] < 0.95 * without[horizon][0] for horizon in bench.HORIZONS)


@pytest.mark.parametrize(
    "motion",
    [
        Circling(speed_um_s=5.0, radius_um=2.0, drift=0.4),
        Levy(speed_um_s=5.0, least_s=0.3, pause_s=0.4),
    ],
)
def test_a_long_step_is_as_good_as_many_short_ones(motion):
    """In law; a circle that drifts is stepped through its mean, so the step is not too long."""
    rng, many = np.random.default_rng(0), np.zeros((20_000, 3))
    once = motion.step(motion.start(many, rng), 0.2, rng)
    often = motion.start(many, rng)
    for _ in range(4):
        often = motion.step(often, 0.05, rng)
    spreads = [np.hypot(*states[:, :2].T) for states in (once, often)]
    for moment in (np.mean, np.std):
        assert moment(spreads[0]) == pytest.approx(moment(spreads[1]), rel=0.02, abs=0.01)


def test_training_stays_away_from_the_motions_of_the_bench():
    rng = np.random.default_rng(0)
    drawn = [draw_motion(rng) for _ in range(2000)]
    times = {
        "persistence": "persistence_s",
        "run": "run_s",
        "move": "move_s",
        "period": "period_s",
    }
    for what, attribute in times.items():
        values = np.array([getattr(m, attribute) for m in drawn if hasattr(m, attribute)])
        for kept in HELD_BACK[what]:
            assert (np.maximum(values / kept, kept / values) > KEPT_APART).all()
    assert not any(type(m).__name__ == "Worm" for m in drawn)


@pytest.mark.parametrize(
    ("predictor", "columns", "sentence"),
    [
        ("kalmann", "", "did you mean 'kalman'"),
        ("kalman", "track", "--columns takes KEY=NAME"),
    ],
)
def test_what_is_asked_for_wrongly_is_refused_in_a_sentence(predictor, columns, sentence):
    with pytest.raises(ModelError, match=sentence):
        read_all_tracks([], columns)
        bench.opened(predictor)
