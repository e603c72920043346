"""What every microscope does with moves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing

import pytest
from pursuit.drivers.messages import Fault, Move
from pursuit.drivers.microscope import Microscope, MicroscopeError, MoveRefused

from .watch import FAR_UM, NEAR_UM, NEVER, Watch, at, moved


@pytest.fixture
def watch(scope: Microscope) -> Iterator[Watch]:
    with closing(scope.frames()) as frames:
        yield Watch(scope, frames)


def test_moves_end_at_their_target_and_leave_other_axes_alone(
    scope: Microscope, watch: Watch
) -> None:
    for x, y, z in ((20.0, None, None), (None, -30.0, 2.0), (-20.0, 30.0, -2.0)):
        start = watch.until(lambda frame: True)
        move = moved(start, x, y, z)
        scope.move(move)
        watch.until_there(move, start)


def test_an_axis_that_is_left_out_goes_on_with_its_own_move(
    scope: Microscope, watch: Watch
) -> None:
    start = watch.until(lambda frame: True)
    both = moved(start, x=200.0, y=10.0)
    scope.move(moved(start, x=200.0))
    watch.until_issued(1)
    scope.move(moved(start, y=10.0))
    watch.until_there(both, start)


def test_a_newer_move_replaces_an_older_one(scope: Microscope, watch: Watch) -> None:
    start = watch.until(lambda frame: True)
    scope.move(moved(start, x=FAR_UM))
    watch.until(lambda frame: frame.index > start.index + 3)
    newer = moved(start, x=-10.0, y=-10.0)
    for x in (30.0, 20.0, 40.0):
        scope.move(moved(start, x=x))
    scope.move(newer)
    watch.until_there(newer, start)
    last = watch.issued()[-1]
    assert (last.x_um, last.y_um) == (newer.x_um, newer.y_um)


def test_what_is_expired_or_not_finite_moves_nothing(scope: Microscope, watch: Watch) -> None:
    start = watch.until(lambda frame: True)
    scope.move(moved(start, x=50.0, expires_ns=start.exposed_ns))
    for x, y, z in ((math.nan, None, None), (1.0, math.inf, None), (None, 0.0, -math.inf)):
        with pytest.raises(MicroscopeError, match="finite"):
            scope.move(moved(start, x, y, z))
    assert math.dist(at(watch.until_read(start)), at(start)) < NEAR_UM
    assert not watch.issued()


def test_a_move_beyond_the_limits_is_refused_with_both_numbers(
    scope: Microscope, watch: Watch
) -> None:
    start = watch.until(lambda frame: True)
    limits_um = scope.describe().limits_um
    for axis, beyond in ((0, 1e9), (1, -1e9), (2, 1.5), (2, -1e9)):
        edge = limits_um[axis][beyond > 0]
        to: list[float | None] = [None, None, None]
        to[axis] = edge + beyond
        refusal = refused(scope, watch, Move(to[0], to[1], to[2], NEVER, start.index))
        assert f"{'xyz'[axis]} = {edge + beyond:.6g} µm is outside the limits" in refusal
        assert f"{edge:g}" in refusal
        assert f"({'xyz'[axis]}_um under [limits])" in refusal
    assert math.dist(at(watch.until_read(start)), at(start)) < NEAR_UM
    assert not watch.issued()
    for z in (limits_um[2][1], start.pose.z_um):
        move = Move(None, None, z, NEVER, start.index)
        scope.move(move)
        watch.until_there(move, start)


def refused(scope: Microscope, watch: Watch, move: Move) -> str:
    """Send a move that must be refused; return why it was, told at once or reported."""
    before = len(watch.reports)
    try:
        scope.move(move)
    except MoveRefused as error:
        return str(error)
    watch.until(lambda frame: any(isinstance(r, Fault) for r in watch.reports[before:]))
    return next(r.text for r in watch.reports[before:] if isinstance(r, Fault))


def test_halt_brings_every_axis_to_rest(scope: Microscope, watch: Watch) -> None:
    start = watch.until(lambda frame: True)
    away = -1.0 if start.pose.x_um > 0 else 1.0
    scope.move(moved(start, x=away * FAR_UM, y=away * FAR_UM))
    halfway = watch.until(lambda frame: abs(frame.pose.x_um - start.pose.x_um) > 5.0)
    scope.halt()
    rest = watch.until_still(halfway)
    assert 5.0 < abs(rest.pose.x_um - start.pose.x_um) < FAR_UM - 100.0
    assert 5.0 < abs(rest.pose.y_um - start.pose.y_um) < FAR_UM - 100.0


def test_reports_say_which_exposure_a_move_answers(scope: Microscope, watch: Watch) -> None:
    frame = watch.until(lambda frame: frame.index >= 3)
    move = moved(frame, x=3.0, z=0.5)
    scope.move(move)
    watch.until_issued(1)
    (issued,) = watch.issued()
    assert (issued.frame, issued.exposed_ns) == (frame.index, frame.exposed_ns)
    assert issued.exposed_ns < issued.received_ns <= issued.issued_ns
    assert (issued.x_um, issued.y_um, issued.z_um) == (move.x_um, None, move.z_um)
