"""The learned predictor that is shipped: symmetries, slots, gaps, calibration."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.models import weights
from pursuit.models.errors import ModelError
from pursuit.models.predictors.learned import Recurrent, RecurrentOptions

SHIPPED = weights.FOLDER / "lstm.onnx"
pytestmark = pytest.mark.skipif(not SHIPPED.exists(), reason="no learned predictor is shipped")

INTERVAL_NS = 20_000_000


def _predictor():
    return Recurrent(RecurrentOptions(str(SHIPPED)))


def _measured(places_um, sigma_um, interval_ns=INTERVAL_NS, predictor=None):
    """Show objects, (F, N, 2), one frame after the other."""
    predictor = predictor or _predictor()
    variances = np.full(places_um.shape[1], sigma_um**2)
    predictor.advance(0)
    slots = predictor.begin(np.column_stack([places_um[0], 0 * variances]), variances)
    for frame, places in enumerate(places_um[1:], start=1):
        predictor.advance(frame * interval_ns)
        predictor.update(slots, places, variances)
    return predictor, slots, (len(places_um) - 1) * interval_ns


def _walk(rng, frames=60, count=3):
    velocity = np.cumsum(rng.normal(0, 0.1, (frames, count, 2)), axis=0)
    return np.cumsum(velocity, axis=0)


@given(st.floats(0, 2 * np.pi), st.floats(1e-2, 1e3), st.integers(-3, 3))
@settings(max_examples=8, deadline=None)
def test_turning_scaling_and_pacing_a_track_does_the_same_to_its_prediction(angle, size, pace):
    places = _walk(np.random.default_rng(5))
    turn = size * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    interval_ns = int(INTERVAL_NS * 2.0**pace)
    first, slots, now_ns = _measured(places, 0.05)
    second, _, then_ns = _measured(places @ turn + 1e4, 0.05 * size, interval_ns)
    one = first.predict(slots, now_ns + 3 * INTERVAL_NS)
    two = second.predict(slots, then_ns + 3 * interval_ns)
    np.testing.assert_allclose(
        two.means_um[:, :2], one.means_um[:, :2] @ turn + 1e4, atol=1e-2 * size
    )
    expected = turn.T @ one.covs_um2[:, :2, :2] @ turn
    np.testing.assert_allclose(two.covs_um2[:, :2, :2], expected, atol=0.02 * expected.max())


def test_objects_do_not_touch_each_other_and_slots_are_kept():
    places = _walk(np.random.default_rng(2), count=40)
    together, slots, now_ns = _measured(places, 0.05)
    alone, own, _ = _measured(places[:, 7:8], 0.05)
    later = now_ns + 2 * INTERVAL_NS
    expected = together.predict(slots[7:8], later)
    np.testing.assert_allclose(alone.predict(own, later).means_um, expected.means_um, atol=1e-3)
    together.end(slots[:7])
    again = together.begin(np.zeros((60, 3)), np.ones(60))
    assert not set(again) & set(slots[7:])
    np.testing.assert_array_equal(together.predict(slots[7:8], later).means_um, expected.means_um)
    together.end(again)
    with pytest.raises(ValueError, match="belongs to no object"):
        together.predict(again[:1], later)


def test_the_variance_grows_without_measurements():
    predictor, slots, now_ns = _measured(_walk(np.random.default_rng(3)), 0.05)
    traces = []
    for missed in (0, 1, 4, 16, 200, 10_000):
        predictor.advance(now_ns + missed * INTERVAL_NS)
        forecast = predictor.predict(slots, 0)
        assert np.isfinite(forecast.means_um).all()
        assert (np.linalg.eigvalsh(forecast.covs_um2) > 0).all()
        traces.append(forecast.covs_um2[:, 0, 0] + forecast.covs_um2[:, 1, 1])
    assert (np.diff(traces, axis=0) > 0).all()


def test_z_is_vast_until_it_was_measured_and_follows_then():
    predictor, slots, now_ns = _measured(_walk(np.random.default_rng(4)), 0.05)
    assert (predictor.predict(slots, now_ns).covs_um2[:, 2, 2] > 1e8).all()
    predictor.focus(slots[1:2], np.array([7.0]), np.array([0.04]))
    forecast = predictor.predict(slots, now_ns)
    assert forecast.means_um[1, 2] == pytest.approx(7.0)
    assert forecast.covs_um2[1, 2, 2] < 1 < 1e8 < forecast.covs_um2[0, 2, 2]


@given(
    st.lists(st.tuples(st.integers(-1, 5), st.floats(-1e6, 1e6)), min_size=1, max_size=15),
    st.floats(1e-12, 1e9),
)
@settings(max_examples=20, deadline=None)
def test_wild_times_and_places_give_finite_predictions(measurements, variance):
    predictor, at_ns = _predictor(), 0
    predictor.advance(at_ns)
    slots = predictor.begin(np.zeros((1, 3)), np.array([variance]))
    for step, place in measurements:
        at_ns += step * INTERVAL_NS
        predictor.advance(at_ns)
        predictor.update(slots, np.array([[place, -place]]), np.array([variance]))
        forecast = predictor.predict(slots, at_ns + 2 * INTERVAL_NS)
        assert np.isfinite(forecast.means_um).all()
        assert (np.linalg.eigvalsh(forecast.covs_um2) >= 0).all()


def test_no_objects_are_no_trouble_and_nonsense_is_refused():
    predictor = _predictor()
    predictor.advance(0)
    none = np.empty(0, np.intp)
    predictor.update(none, np.empty((0, 2)), np.empty(0))
    assert len(predictor.predict(none, 0).means_um) == 0
    with pytest.raises(ValueError, match="finite"):
        predictor.begin(np.full((1, 3), np.nan), np.ones(1))
    with pytest.raises(ModelError, match="is not a predictor"):
        Recurrent(RecurrentOptions("ssd"))


def test_diffusion_is_predicted_near_the_bound_with_the_right_ellipse():
    rng = np.random.default_rng(6)
    truth = np.cumsum(rng.normal(0, 1.0, (120, 200, 2)), axis=0)
    seen = truth[:-4] + rng.normal(0, 0.2, truth[:-4].shape)
    predictor, slots, now_ns = _measured(seen, 0.3)
    forecast = predictor.predict(slots, now_ns + 4 * INTERVAL_NS)
    error = truth[-1] - forecast.means_um[:, :2]
    best = np.sqrt(2 * (4 + 0.2**2 * 0.96))
    assert np.sqrt((error**2).sum(axis=1).mean()) < 1.15 * best
    spread = forecast.covs_um2[:, :2, :2]
    misfit = (error * np.linalg.solve(spread, error[:, :, None])[:, :, 0]).sum(axis=1)
    assert 0.88 < (misfit < 5.991).mean() < 0.995
