from typing import Any

import msgspec
import numpy as np
import pytest
from pursuit.sim.motion import Brownian, Persistent, Worm
from pursuit.sim.specimen import Specimen, SpecimenSettings

MS = 1_000_000
WALK = Persistent(speed_um_s=100.0, persistence_s=0.5)


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


def test_a_daughter_lies_beside_its_mother():
    what = specimen(motion=Brownian(diffusion_um2_s=0.0), doubling_s=1e-9, radius_um=5.0)
    what.advance(MS)
    what.expose(1.0)
    mother, daughter = what.positions_um
    np.testing.assert_allclose(mother, -daughter)
    assert np.hypot(*mother[:2]) == pytest.approx(5.0 * 2 ** (-1 / 3))


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
    for bad in ("count = 0\n", 'shape = "cube"\n', "colour = 1\n", 'shape = "worm"\n'):
        text = bad + '[motion]\nkind = "brownian"\ndiffusion_um2_s = 1'
        with pytest.raises(msgspec.ValidationError):
            msgspec.toml.decode(text, type=SpecimenSettings)
