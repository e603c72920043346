"""What every microscope does when it is stopped: it stands, and stays there until it is armed."""

from __future__ import annotations

import math
from contextlib import closing, suppress

import pytest
from pursuit.drivers.messages import Fault
from pursuit.drivers.microscope import Microscope, MicroscopeError

from .watch import FAR_UM, NEAR_UM, Watch, at, moved, plan


def far(watch: Watch, scope: Microscope) -> float:
    """Send the stage away, wait until it is under way, and return where it was along x."""
    start = watch.until(lambda frame: True)
    away = -1.0 if start.pose.x_um > 0 else 1.0
    scope.move(moved(start, x=away * FAR_UM))
    frame = watch.until(lambda frame: abs(frame.pose.x_um - start.pose.x_um) > 5.0)
    return frame.pose.x_um


@pytest.fixture(autouse=True)
def armed_again(scope: Microscope):
    """Leave the microscope of a process that others use as it was."""
    yield
    with suppress(MicroscopeError):
        scope.arm()


def test_it_stands_where_it_was_stopped_and_takes_no_move_until_it_is_armed(
    scope: Microscope,
) -> None:
    with closing(scope.frames()) as frames:
        began_um = far(Watch(scope, frames), scope)
        scope.stop("the test")
    assert "the test" in scope.stopped
    with suppress(MicroscopeError), closing(scope.frames()) as frames:
        frame = next(frames)
        with pytest.raises(MicroscopeError, match="the test"):
            scope.move(moved(frame, x=5.0))
    scope.arm()
    assert scope.stopped == ""
    with closing(scope.frames()) as frames:
        watch = Watch(scope, frames)
        rest = watch.until_still(watch.until(lambda frame: True))
        assert abs(rest.pose.x_um - began_um) < FAR_UM / 2
        start = watch.until(lambda frame: True)
        move = moved(start, x=-3.0)
        scope.move(move)
        watch.until_there(move, start)


def test_a_stop_gives_an_acquisition_up(scope: Microscope) -> None:
    with closing(scope.acquire(plan(scope))) as frames:
        next(frames)
        scope.stop("the test")
        with pytest.raises(MicroscopeError, match="the test"):
            list(frames)
    scope.arm()
    with closing(scope.frames()) as frames:
        watch = Watch(scope, frames)
        first = watch.until_still(watch.until(lambda frame: True))
        second = watch.until_read(watch.until(lambda frame: True))
        assert math.dist(at(first), at(second)) < NEAR_UM


def test_no_move_is_taken_during_an_acquisition(scope: Microscope) -> None:
    def refused() -> bool:
        reports = [report.text for report in scope.reports() if isinstance(report, Fault)]
        return any("acquisition moves the stage" in text for text in reports)

    with closing(scope.acquire(plan(scope))) as frames:
        frame = next(frames)
        try:
            scope.move(moved(frame, x=50.0))
        except MicroscopeError as error:
            assert "acquisition moves the stage" in str(error)
        else:
            assert any(refused() for _ in frames)


def test_a_stop_is_no_harm_to_one_that_is_stopped(scope: Microscope) -> None:
    for _ in range(3):
        scope.stop("the test")
    scope.arm()
    scope.arm()
    assert scope.stopped == ""
