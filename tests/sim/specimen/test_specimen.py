from typing import Any

import msgspec
import numpy as np
import pytest
from pursuit.sim.motion import Brownian, Directed, Persistent, Worm
from pursuit.sim.specimen import Specimen, SpecimenSettings

MS = 1_000_000
WALK = Persistent(speed_um_s=100.0, persistence_s=0.5)
STILL = Brownian(diffusion_um2_s=0.0)


def specimen(seed: int = 1, **fields: Any) -> Specimen:
    chosen: dict[str, Any] = {"motion": WALK, **fields}
    settings = SpecimenSettings(**chosen)
    return Specimen(settings, np.random.default_rng(seed))


def test_the_target_starts_at_the_origin_and_the_others_apart_in_the_square():
    what = specimen(count=60, area_um=400.0, min_separation_um=20.0, depth_um=3.0)
    at_um = what.positions_um
    np.testing.assert_array_equal(at_um[0], 0)
    assert np.abs(at_um[:, :2]).max() <= 200.0
    gaps_um = np.hypot(*(at_um[:, None, :2] - at_um[None, :, :2]).transpose(2, 0, 1))
    assert gaps_um[~np.eye(60, dtype=bool)].min() >= 20.0
    assert at_um[1:, 2].std() == pytest.approx(3.0, rel=0.3)


def test_a_crowd_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        specimen(count=50, area_um=50.0, min_separation_um=20.0)


def test_time_goes_forward_only_and_seeds_repeat():
    one, same = specimen(count=5), specimen(count=5)
    for t_ns in (0, 5 * MS, 5 * MS, 70 * MS):
        np.testing.assert_array_equal(one.advance(t_ns), same.advance(t_ns))
    with pytest.raises(ValueError, match="order of time"):
        one.advance(69 * MS)


def test_light_bleaches():
    what = specimen(bleach_per_s=0.5, count=2)
    before = what.brightness.copy()
    for _ in range(100):
        what.expose(10.0)
    np.testing.assert_allclose(what.brightness, before * np.exp(-0.5))


def test_division_doubles_the_crowd_and_keeps_its_light():
    what = specimen(count=200, doubling_s=10.0, brightness_spread=0.2)
    light = what.brightness.sum()
    for i in range(1, 101):
        what.advance(i * 100 * MS)
        what.expose(1.0)
    assert 320 < len(what.state) < 480
    assert what.brightness.sum() == pytest.approx(light)
    born = np.flatnonzero(what.parents >= 0)
    assert (what.parents[born] < born).all()
    n = len(what.state)
    assert what.offsets_um.shape[0] == what.widths_um.shape[0] == len(what.weights) == n


def test_daughters_begin_within_the_mother_and_then_part():
    what = specimen(
        motion=STILL, divides_s=[0.5], larger_share=0.7, parting_s=2.0, radius_um=5.0, count=2
    )
    light = what.brightness.sum()
    gaps_um, middles_um = [], []
    for i in range(60):
        at_um = what.advance(i * 50 * MS)
        if len(at_um) == 3:
            gaps_um.append(np.hypot(*(at_um[0, :2] - at_um[2, :2])))
            middles_um.append(
                what.brightness[[0, 2]] @ at_um[[0, 2], :2] / what.brightness[[0, 2]].sum()
            )
        what.expose(1.0)
        assert what.brightness.sum() == pytest.approx(light)
    radii_um = 5.0 * np.cbrt([0.7, 0.3])
    assert len(gaps_um) == 49
    assert gaps_um[0] < 5.0
    assert gaps_um[0] + radii_um.sum() == pytest.approx(10.0, rel=0.01)
    assert gaps_um[-1] == pytest.approx(radii_um.sum() + 5.0)
    assert (np.diff(gaps_um) > -1e-9).all()
    assert np.diff(gaps_um).max() < 1.0
    np.testing.assert_allclose(middles_um, 0.0, atol=1e-9)
    np.testing.assert_allclose(what.brightness[[0, 2]], 4000.0 * np.array([0.7, 0.3]))
    assert what.parents.tolist() == [-1, -1, 0]


def test_the_target_divides_as_often_as_told_and_stays_the_larger():
    what = specimen(divides_s=[0.3, 0.1], larger_share=0.6)
    for i in range(50):
        what.advance(i * 10 * MS)
        what.expose(1.0)
    assert what.parents.tolist() == [-1, 0, 0]
    np.testing.assert_allclose(what.brightness, 4000.0 * np.array([0.36, 0.4, 0.24]))


@pytest.mark.parametrize(
    "motion",
    [
        WALK,
        Brownian(diffusion_um2_s=50.0, z_speed_um_s=2.0),
        Directed(speed_um_s=50.0, move_s=1.0, pause_s=0.5),
    ],
    ids=lambda m: type(m).__name__,
)
@pytest.mark.parametrize("seed", range(3))
def test_look_alikes_pass_the_target_when_they_are_meant_to(motion, seed):
    what = specimen(seed, motion=motion, count=3, meets_s=[1.0, 2.0], radius_um=2.0, depth_um=1.0)
    assert len(what.positions_um) == 5
    np.testing.assert_array_equal(what.positions_um[0], 0)
    np.testing.assert_array_equal(what.brightness[3:], what.brightness[0])
    way_um = np.stack([what.advance(i * 10 * MS)[:, :2] for i in range(301)])
    gaps_um = np.hypot(*(way_um[:, 3:] - way_um[:, :1]).transpose(2, 0, 1))
    assert gaps_um[100, 0] < 2.0
    assert gaps_um[200, 1] < 2.0
    steps_um = np.hypot(*np.diff(way_um, axis=0).transpose(2, 0, 1))
    assert steps_um.max() < 10.0


def test_those_that_meet_move_by_the_same_law_before_and_after():
    what = specimen(meets_s=[0.6] * 2000)
    way_um = np.stack([what.advance(i * 200 * MS)[:, :2].copy() for i in range(8)])
    steps_um = np.diff(way_um[:, 1:], axis=0)
    F, Q = WALK.matrices(0.2)
    law_um = np.sqrt(F[0, 1] ** 2 * 100.0**2 / 2 + Q[0, 0])
    np.testing.assert_allclose(np.sqrt((steps_um**2).mean(axis=(1, 2))), law_um, rtol=0.05)
    np.testing.assert_allclose(steps_um.mean(axis=1), 0.0, atol=0.1 * law_um)
    after_um = np.sqrt((steps_um[1:] * steps_um[:-1]).mean(axis=(1, 2)))
    np.testing.assert_allclose(after_um, after_um.mean(), rtol=0.05)


def test_the_hidden_target_gives_no_light_but_lives_on():
    what = specimen(count=2, hidden_s=[[0.1, 0.2], [0.4, 0.45]], bleach_per_s=1.0)
    seen = []
    for i in range(50):
        what.advance(i * 10 * MS)
        seen.append(what.brightness > 0)
        what.expose(10.0)
    dark = ~np.array(seen)
    assert np.flatnonzero(dark[:, 0]).tolist() == [*range(10, 20), *range(40, 45)]
    assert not dark[:, 1].any()
    assert what.brightness[0] == what.brightness[1]


def test_an_endless_crowd_stays_around_the_target():
    what = specimen(count=30, area_um=200.0, endless=True)
    for i in range(1, 200):
        what.advance(i * 100 * MS)
        what.expose(10.0)
    assert np.hypot(*what.positions_um[0, :2]) > 50.0
    assert np.abs(what.positions_um[:, :2] - what.positions_um[0, :2]).max() <= 100.0


def test_parts_of_a_body_average_to_its_position():
    what = specimen(count=20, radius_spread=0.3)
    np.testing.assert_allclose(what.weights.sum(axis=1), 1.0)
    middle_um = (what.weights[..., None] * what.offsets_um).sum(axis=1)
    np.testing.assert_allclose(middle_um, 0.0, atol=1e-9)


def test_the_tail_of_a_worm_follows_the_track_of_its_head():
    motion = Worm(speed_um_s=200.0, sway_um=40.0, period_s=2.0, turn_rad_sqrt_s=0.0)
    what = specimen(motion=motion, shape="worm", radius_um=30.0)
    heading = what.state[0, 3]
    across = np.array([-np.sin(heading), np.cos(heading)])
    along = np.array([np.cos(heading), np.sin(heading)])
    before = what.positions_um[0, :2] + what.offsets_um[0]
    after = what.advance(300 * MS)[0, :2] + what.offsets_um[0]
    track = np.interp(after @ along, before @ along, before @ across)
    inside = after @ along < (before @ along).max()
    np.testing.assert_allclose((after @ across)[inside], track[inside], atol=1.5)


def test_toml_is_checked():
    good = 'count = 3\nshape = "spot"\n[motion]\nkind = "brownian"\ndiffusion_um2_s = 1'
    assert msgspec.toml.decode(good, type=SpecimenSettings).count == 3
    for bad in (
        *("count = 0\n", 'shape = "cube"\n', "colour = 1\n", 'shape = "worm"\n'),
        *("larger_share = 0.4\n", "hidden_s = [1.0]\n", "meets_s = [1.0]\ndoubling_s = 2.0\n"),
    ):
        text = bad + '[motion]\nkind = "brownian"\ndiffusion_um2_s = 1'
        with pytest.raises(msgspec.ValidationError):
            msgspec.toml.decode(text, type=SpecimenSettings)
