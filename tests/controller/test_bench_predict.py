"""The bench of predictors: what it measures, on which motions, in which rows."""

import json

import numpy as np
import pytest
from pursuit.controller import predictor_cli
from pursuit.controller.bench import predict as bench
from pursuit.controller.bench.predict_motions import MOTIONS, Judged
from pursuit.controller.simulated_tracks import HELD_BACK, KEPT_APART, draw_motion
from pursuit.models.errors import ModelError
from pursuit.models.predictors import Forecast
from typer import Typer
from typer.testing import CliRunner


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

    def predict(self, slots, at_ns):
        return Forecast(at_ns, self._places[slots], np.tile(np.eye(3), (len(slots), 1, 1)), "still")


def _straight(times_s, count, rng):
    return np.tile(np.column_stack([0.75 * times_s, 0 * times_s]), (count, 1, 1))


def test_errors_and_coverage_are_those_of_the_prediction():
    watched = bench.simulated(Judged("straight", _straight, 1.0, 1e-9), 3, 60, 0)
    results = bench.judge(_Still(), watched)
    for horizon, (rms_um, coverage) in results.items():
        assert rms_um == pytest.approx(0.75 * horizon)
        assert coverage == (1.0 if rms_um < np.sqrt(bench.WITHIN_95) else 0.0)


def test_objects_of_a_file_come_and_go(tmp_path):
    path = tmp_path / "tracks.csv"
    rows = [f"a,{t},{t},0" for t in range(6)] + [f"b,{t},0,{t}" for t in (3, 4, 6, 7, 8, 9)]
    path.write_text("\n".join(["track,t,x,y", *rows]), "utf-8")
    (tracks,) = predictor_cli.read_all([path], "")
    still = _Still()
    results = bench.judge(still, bench.measured(tracks, 2.0))
    assert results[1][0] == pytest.approx(2.0) and results[2][0] == pytest.approx(4.0)
    assert sorted(still.ended) == [0, 1]


def test_rows_compare_with_constant_velocity(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "MOTIONS", (MOTIONS[0],))
    app, path = Typer(), tmp_path / "rows.json"
    predictor_cli.register(Typer(), app)
    app.callback()(lambda: None)
    arguments = ["predict", "--predictor", "brownian", "--json", str(path)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    rows = json.loads(path.read_text("utf-8"))["rows"]
    assert [row["horizon_frames"] for row in rows] == list(bench.HORIZONS)
    assert {row["predictor"] for row in rows} == {"brownian"}
    assert all(row["vs_cv"] < 1 and 0.9 < row["coverage95"] < 0.99 for row in rows)


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
        predictor_cli.read_all([], columns)
        bench.opened(predictor)
