"""When the stage is read, and what its readings and refusals stop, in virtual time."""

from __future__ import annotations

import math

import pytest
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.messages import Fault, Issued, Move, PoseRead

from .simple_stand import NEVER, Stand


@pytest.fixture
def stand() -> Stand:
    return Stand()


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e9])
def test_a_reading_that_cannot_be_true_is_told_once_and_not_used(stand: Stand, bad: float) -> None:
    stand.at_ms(200)
    stand.step(PoseRead)
    stand.device.xy = bad, 0.0
    stand.at_ms(400)
    (fault,) = stand.step(Fault)
    assert "The position of the stage is not known" in fault.text
    stand.at_ms(460)
    assert not stand.step(Fault)
    stand.device.xy = 0.0, 0.0
    stand.at_ms(520)
    (read,) = stand.step(PoseRead)
    assert (read.pose.x_um, read.pose.y_um) == (0.0, 0.0)
    assert not stand.reasons


def test_a_reading_far_from_where_the_stage_was_sent_needs_another_that_agrees(
    stand: Stand,
) -> None:
    stand.at_ms(200)
    stand.step(PoseRead)
    stand.device.xy = 1_000.0, 0.0
    stand.at_ms(400)
    (fault,) = stand.step(Fault)
    assert "1000 µm from where it was sent" in fault.text
    stand.device.xy = 0.0, 0.0
    stand.at_ms(460)
    (read,) = stand.step(PoseRead)
    assert read.pose.x_um == 0.0
    stand.device.xy = 1_000.0, 0.0
    stand.at_ms(700)
    assert not stand.step(PoseRead)
    stand.at_ms(760)
    (read,) = stand.step(PoseRead)
    assert read.drive_um[0] == 1_000.0
    assert not stand.reasons


def test_a_stage_whose_position_stays_unknown_is_stopped(stand: Stand) -> None:
    stand.device.xy = math.nan, 0.0
    for ms in range(200, 1_400, 50):
        stand.at_ms(ms)
        stand.step(Fault)
    assert "not been known for a second" in stand.reasons[0]


def test_a_stage_at_rest_is_read_five_times_a_second(stand: Stand) -> None:
    read_ns = []
    while stand.clock.now_ns() < 1_000 * NS_PER_MS:
        read_ns += [read.pose.at_ns for read in stand.step(PoseRead)]
        wakes_ns = stand.clock.now_ns() + round(stand.executor.wait_s() * 1e9)
        stand.clock.sleep_until_ns(wakes_ns)
    assert read_ns == [ms * NS_PER_MS for ms in (200, 400, 600, 800)]


@pytest.mark.parametrize(("reading_ms", "least", "most"), [(40, 3, 5), (5, 12, 14)])
def test_a_stage_that_is_never_at_rest_is_read_right_after_a_move(
    stand: Stand, reading_ms: int, least: int, most: int
) -> None:
    """Once a second if that takes more than a third of the time between moves."""
    reads, stand.device.reading_ms = 0, reading_ms
    for frame in range(1, 41):
        stand.at_ms(frame * 100)
        stand.accept(frame, 0.1 * frame)
        reads += len(stand.step(PoseRead))
    assert least <= reads <= most


def test_it_is_not_read_while_others_move_it(stand: Stand) -> None:
    stand.executor.others_move = True
    for ms in range(0, 2_000, 100):
        stand.at_ms(ms)
        assert not stand.step(PoseRead)


def test_a_stage_that_refuses_every_move_is_stopped(stand: Stand) -> None:
    stand.device.refuses = True
    for frame in range(1, 30):
        stand.at_ms(50 * frame)
        stand.accept(frame, float(frame))
        stand.step(Fault)
    assert "not carried out any move for a second: busy" in stand.reasons[0]
    stand.device.refuses = False
    stand.accept(31, 1.0)
    assert stand.step(Issued)


def test_a_stage_that_is_jammed_is_stopped_and_a_slow_one_is_not(stand: Stand) -> None:
    """Sent 30 µm ahead at each step, as a target that runs away is followed."""
    stand.device.send_xy = lambda x_um, y_um: None
    for frame in range(1, 40):
        stand.at_ms(100 * frame)
        stand.accept(frame, 30.0 * (1 + frame % 2))
        stand.step(Fault)
    assert "stays at 0.0 µm" in stand.reasons[0]
    slow = Stand()

    def crawl(x_um: float, y_um: float) -> None:
        slow.device.xy = slow.device.xy[0] + 2.0, 0.0

    slow.device.send_xy = crawl
    for frame in range(1, 30):
        slow.at_ms(100 * frame)
        slow.accept(frame, 30.0 * frame)
        slow.step(Fault)
    assert not slow.reasons


def test_nothing_is_sent_while_a_hand_moves_the_stage_and_that_is_told(stand: Stand) -> None:
    """From 2 to 3 s."""
    told, taken_ms, sent_ms = [], [], []

    def send_xy(x_um: float, y_um: float) -> None:
        sent_ms.append(ms)
        if not 2_000 < ms < 3_000:
            stand.device.xy = (x_um, y_um)

    stand.device.send_xy = send_xy
    for ms in range(0, 6_000, 20):
        stand.at_ms(ms)
        if 2_000 < ms < 3_000:
            stand.device.xy = 0.1 * (ms - 2_000), 0.0
        stand.accept(ms, 0.0)
        stand.executor.step()
        for report in stand.executor.reports():
            if isinstance(report, Fault):
                told.append(report.text.split(" at ")[0])
            elif isinstance(report, PoseRead) and report.taken_over:
                taken_ms.append(ms)
    assert told == ["Yielded to a hand on the stage", "The stage is taken back from the hand"]
    assert 2_300 < taken_ms[0] < 2_600
    assert 3_900 < taken_ms[-1] < 4_100
    assert not [ms for ms in sent_ms if 2_300 < ms < 3_900]
    assert min(sent_ms) < 2_000
    assert max(sent_ms) > 5_900
    assert not stand.reasons


def test_an_axis_that_a_hand_holds_is_not_called_blocked(stand: Stand) -> None:
    """Sent along y all the time, while from 2 s on a hand turns x alone."""
    told = []

    def send_xy(x_um: float, y_um: float) -> None:
        if ms <= 2_000:
            stand.device.xy = (x_um, y_um)

    stand.device.send_xy = send_xy
    for ms in range(0, 5_000, 20):
        stand.at_ms(ms)
        if ms > 2_000:
            stand.device.xy = 0.02 * (ms - 2_000), stand.device.xy[1]
        move = Move(0.0, 30.0 * (ms // 20 % 2), None, NEVER, ms)
        stand.executor.accept(move, 0, stand.clock.now_ns())
        told += [fault.text for fault in stand.step(Fault)]
    assert not stand.reasons
    assert "Yielded to a hand" in told[0]


def test_after_a_hand_the_stage_can_wait_to_be_armed() -> None:
    stand = Stand(waits=True)
    for ms in range(0, 6_000, 20):
        stand.at_ms(ms)
        stand.device.xy = 0.1 * min(max(ms - 2_000, 0), 1_000), 0.0
        stand.executor.step()
    stand.accept(1, 0.0)
    assert not stand.step(Issued)
    stand.executor.arm()
    stand.accept(2, 0.0)
    assert [issued.frame for issued in stand.step(Issued)] == [2]
