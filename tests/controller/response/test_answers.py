"""A fault is named only where all displacements together agree with it."""

import numpy as np
import pytest
from pursuit.controller.response.answers import Answers
from pursuit.controller.response.hypotheses import WRONG, Hypothesis

NAMED = {fault.name: fault for fault in WRONG}
ERROR_PX = 0.5


def answers(shows: np.ndarray, drift_px_s: tuple[float, float], moves: np.ndarray) -> Answers:
    """Return what was seen of small moves (N, 2) in px, 10 ms apart."""
    rng, seen = np.random.default_rng(0), Answers()
    for wanted_px in moves:
        by_itself = np.multiply(drift_px_s, 0.01)
        seen.add(wanted_px, shows @ wanted_px + by_itself + rng.normal(0, ERROR_PX, 2), 0.01)
    return seen


def turned(degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]])


MOVES = np.array([(8.0, 3.0), (-2.0, 9.0), (7.0, -6.0), (0.0, 0.0)])


@pytest.mark.parametrize("fault", WRONG, ids=lambda fault: fault.name)
@pytest.mark.parametrize("drift_px_s", [(0.0, 0.0), (300.0, -200.0)])
def test_what_is_so_is_not_contradicted(fault: Hypothesis, drift_px_s: tuple[float, float]) -> None:
    seen = answers(fault.shows, drift_px_s, MOVES)
    assert not seen.contradict(fault, ERROR_PX)
    for other in WRONG:
        if other is not fault:
            assert seen.contradict(other, ERROR_PX)


@pytest.mark.parametrize("degrees", [35, 45, 60, 135, 225])
def test_a_camera_turned_by_another_angle_is_none_of_the_faults(degrees: float) -> None:
    seen = answers(turned(degrees), (100.0, 0.0), MOVES)
    assert all(seen.contradict(fault, ERROR_PX) for fault in WRONG)


def test_moves_along_one_line_contradict_only_what_they_tell_of() -> None:
    seen = answers(np.diag([-1.0, 1.0]), (0.0, 0.0), np.array([(8.0, 0.0), (-8.0, 0.0)] * 2))
    assert not seen.contradict(NAMED["mirrored from left to right"], ERROR_PX)
    assert not seen.contradict(NAMED["turned by 180°"], ERROR_PX)
    assert seen.contradict(NAMED["turned by 90°"], ERROR_PX)
