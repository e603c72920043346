"""Which move is sent when, in virtual time."""

from __future__ import annotations

import numpy as np
import pytest
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.messages import Fault, Issued, Move
from pursuit.drivers.microscope import MicroscopeError, MoveRefused

from .simple_stand import LOOSE, NEVER, Device, Stand


@pytest.fixture
def stand() -> Stand:
    return Stand()


def test_the_newest_move_replaces_those_that_wait(stand: Stand) -> None:
    assert not stand.executor.due
    for frame in (1, 2, 3):
        stand.accept(frame, 3.0 * frame)
    assert stand.executor.due
    assert [issued.frame for issued in stand.step(Issued)] == [3]
    assert stand.device.sent == [(9.0, 0.0)]
    assert not stand.executor.due


def test_a_report_says_what_was_sent_and_when(stand: Stand) -> None:
    stand.at_ms(3)
    stand.executor.accept(Move(1_000.0, None, 1.0, NEVER, 4), 1, 2)
    (issued,) = stand.step(Issued)
    assert issued == Issued(4, 1, 2, 3 * NS_PER_MS, 1_000.0, None, 1.0)
    assert (stand.device.xy, stand.device.z) == ((1_000.0, 0.0), 1.0)


def test_a_move_that_has_expired_is_dropped(stand: Stand) -> None:
    stand.accept(1, 5.0, expires_ns=NS_PER_MS)
    stand.at_ms(2)
    assert not stand.step(Issued)
    assert not stand.device.sent


def test_a_move_that_is_not_finite_leaves_the_one_before_alone(stand: Stand) -> None:
    stand.accept(1, 5.0)
    with pytest.raises(MicroscopeError, match="finite"):
        stand.accept(2, float("nan"))
    stand.step(Issued)
    assert stand.device.sent == [(5.0, 0.0)]


def test_the_drive_is_sent_past_its_backlash_but_not_past_the_limits() -> None:
    stand = Stand(LOOSE)
    for frame, x in enumerate((8.0, 5.0, 999.5)):
        stand.at_ms(100 * frame)
        stand.accept(frame, x)
        stand.step(Issued)
    assert [x for x, _ in stand.device.sent] == [9.0, 4.0, 999.5]


def test_a_move_outside_is_refused_and_the_one_before_goes_on(stand: Stand) -> None:
    stand.accept(1, 5.0)
    with pytest.raises(MoveRefused, match=r"x = 1000.5 µm .*\[-1000, 1000\] \(x_um under"):
        stand.accept(2, 1_000.5)
    stand.step(Issued)
    assert stand.device.sent == [(5.0, 0.0)]


def test_a_move_that_a_busy_stage_refuses_is_tried_again_until_a_newer_one_comes(
    stand: Stand,
) -> None:
    stand.device.is_busy = stand.device.refuses = True
    stand.accept(1, 5.0)
    assert not stand.step(Issued)
    for ms in (2, 4, 6):
        assert not stand.executor.due
        assert stand.executor.wait_s() <= 0.002
        stand.at_ms(ms)
        assert not stand.step(Issued)
    stand.accept(2, 6.0)
    stand.device.is_busy = stand.device.refuses = False
    assert [issued.frame for issued in stand.step(Issued)] == [2]
    assert not stand.step(Issued)
    assert stand.device.sent == [(6.0, 0.0)]


def test_a_move_is_given_up_when_the_stage_stays_busy(stand: Stand) -> None:
    stand.device.is_busy = stand.device.refuses = True
    stand.accept(1, 5.0)
    faults = stand.step(Fault)
    for ms in range(0, 10_100, 50):
        stand.at_ms(ms)
        faults += stand.step(Fault)
    assert [fault.text for fault in faults] == [
        "The stage has been busy for 10 s: a move was given up."
    ]
    assert stand.executor.wait_s() > 0.002


def test_while_it_is_held_nothing_is_sent_and_what_waited_is_forgotten(stand: Stand) -> None:
    stand.accept(1, 5.0)
    stand.executor.hold()
    assert not stand.step(Issued)
    stand.accept(2, 6.0)
    assert not stand.executor.due
    assert not stand.step(Issued)
    stand.executor.release()
    assert [issued.frame for issued in stand.step(Issued)] == [2]
    assert stand.device.sent == [(6.0, 0.0)]


def test_after_a_stop_every_move_is_refused_with_its_reason(stand: Stand) -> None:
    stand.executor.stopped = "the sample leaks"
    with pytest.raises(MicroscopeError, match=r"the sample leaks.*pursuit arm"):
        stand.accept(1, 5.0)
    stand.executor.stopped = ""
    stand.accept(2, 5.0)
    assert stand.step(Issued)


def test_no_move_is_taken_while_others_move_the_stage(stand: Stand) -> None:
    stand.accept(1, 5.0)
    stand.executor.others_move = True
    assert not stand.step(Issued)
    with pytest.raises(MicroscopeError, match="acquisition"):
        stand.accept(2, 5.0)


class Blocking(Device):
    """A stage that returns from a command when it has arrived, at 1 µm a millisecond."""

    longest_ms = 0.0

    def xy_busy(self) -> bool:
        return False

    def send_xy(self, x_um: float, y_um: float) -> None:
        ms = abs(x_um - self.xy[0])
        self.clock.sleep_until_ns(self.clock.now_ns() + round(ms * NS_PER_MS))
        super().send_xy(x_um, y_um)
        self.longest_ms = max(ms, self.longest_ms)


def test_a_stage_that_blocks_until_it_has_arrived_can_be_stopped_after_20_ms() -> None:
    stand = Stand(device=Blocking)
    stand.accept(1, 400.0)
    assert len(stand.step(Issued)) == 1
    assert stand.device.xy[0] == pytest.approx(400.0)
    assert stand.device.longest_ms <= 40.0
    longest = sorted(np.diff([0.0, *(x for x, _ in stand.device.sent)]))
    assert longest[len(longest) // 2] <= 20.0


def test_a_newer_move_or_a_stop_ends_the_approach_of_a_stage_that_blocks() -> None:
    stand = Stand(device=Blocking)

    def arrived(x_um: float, y_um: float) -> None:
        Blocking.send_xy(stand.device, x_um, y_um)
        if x_um > 100.0:
            stand.executor.hold()

    stand.device.send_xy = arrived
    stand.accept(1, 400.0)
    stand.step(Issued)
    assert 100.0 < stand.device.xy[0] < 140.0
