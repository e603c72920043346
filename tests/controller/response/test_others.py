"""Other objects: many tell what is wrong, one tells little, short moves nothing."""

import numpy as np
import pytest
from pursuit.controller.response.hypotheses import RIGHT, WRONG, Hypothesis
from pursuit.controller.response.others import Seen, log_likelihoods_of_others
from pursuit.models.arrays import Floats

SIDE_PX, MIDDLE_PX = 256, np.full(2, 127.5)
ALL = (*RIGHT, *WRONG)
EXPECTED_PX = np.array([-20.0, 10.0])
"""Shift of the picture as the calibration has it."""
OWN_PX = 0.02 * SIDE_PX
"""How far objects go by themselves."""


def told(
    count: int, shows: Floats, expected_px: Floats = EXPECTED_PX, own_px: float = OWN_PX
) -> Floats | None:
    """What objects tell that move by themselves, where a hypothesis is true."""
    rng = np.random.default_rng(4)
    before_px = rng.uniform(40, SIDE_PX - 40, (count, 2))
    after_px = before_px + shows @ expected_px + rng.normal(0, 3, (count, 2))
    shifts_px = np.array([each.shows @ expected_px for each in ALL])
    seen = Seen(0, before_px, None)
    return log_likelihoods_of_others(seen, after_px, shifts_px, MIDDLE_PX, own_px)


@pytest.mark.parametrize("true", [RIGHT[0], *(each for each in WRONG if not each.stays)])
def test_many_name_what_is_true(true: Hypothesis) -> None:
    sums = told(12, true.shows)
    assert sums is not None
    is_true = np.array([np.array_equal(each.shows, true.shows) for each in ALL])
    assert sums[is_true].max() - sums[~is_true].max() > 1


def test_one_object_tells_one_nat_at_most() -> None:
    sums = told(1, WRONG[0].shows)
    assert sums is not None
    assert np.ptp(sums) == pytest.approx(1)


def test_short_moves_and_no_objects_tell_nothing() -> None:
    assert told(12, np.eye(2), EXPECTED_PX / 3) is None
    assert told(0, np.eye(2)) is None


def test_those_that_go_half_as_far_by_themselves_as_the_stage_tell_nothing() -> None:
    move_px = float(np.hypot(*EXPECTED_PX))
    assert told(12, np.eye(2), own_px=0.49 * move_px) is not None
    assert told(12, np.eye(2), own_px=0.51 * move_px) is None


def test_thousands_that_a_detector_finds_by_mistake_tell_nothing() -> None:
    assert told(44, np.eye(2)) is not None
    assert told(45, np.eye(2)) is None
    assert told(5000, np.eye(2)) is None


def test_the_target_is_left_out() -> None:
    place_px = np.full((1, 2), 100.0)
    shifts_px = np.array([each.shows @ EXPECTED_PX for each in ALL])
    seen = Seen(0, place_px, place_px[0])
    assert log_likelihoods_of_others(seen, place_px, shifts_px, MIDDLE_PX, OWN_PX) is None


def test_what_leaves_the_picture_speaks_against_nothing() -> None:
    place_px, elsewhere_px = np.array([[5.0, 100.0]]), np.array([[200.0, 200.0]])
    shifts_px = np.array([each.shows @ EXPECTED_PX for each in ALL])
    seen = Seen(0, place_px, None)
    sums = log_likelihoods_of_others(seen, elsewhere_px, shifts_px, MIDDLE_PX, OWN_PX)
    assert sums is not None
    assert sums[0] == sums.max()
