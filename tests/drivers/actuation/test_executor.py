"""Which move is sent when, and when the stage is read, in virtual time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pursuit.drivers.actuation import MoveExecutor
from pursuit.drivers.clock import NS_PER_MS, VirtualClock
from pursuit.drivers.envelope import Envelope
from pursuit.drivers.messages import Dynamics, Fault, Issued, Move, PoseRead, Report
from pursuit.drivers.microscope import MicroscopeError, MoveRefused
from pursuit.drivers.stage import PoseModel

BOX = Envelope(((-1e3, 1e3), (-1e3, 1e3), (-10.0, 10.0)))
NEVER = 2**62
PLAIN, LOOSE = Dynamics(), Dynamics(delay_ms=0.0, backlash_um=2.0)


class Device:
    """A stage that is where it was sent at once, busy for that instant or longer, or silent."""

    takes_velocity = False

    def __init__(self, clock: VirtualClock) -> None:
        self.xy, self.z = (0.0, 0.0), 0.0
        self.sent: list[tuple[float, ...]] = []
        self.is_busy = self.refuses = self.silent = False
        self.sent_ns = -1
        self.stops: list[str] = []
        self.clock, self.reading_ms = clock, 0

    def xy_busy(self) -> bool:
        return self.is_busy or self.clock.now_ns() == self.sent_ns

    def focus_busy(self) -> bool:
        return self.is_busy

    def send_xy(self, x_um: float, y_um: float) -> None:
        if self.refuses:
            raise RuntimeError("busy")
        self.xy, self.sent_ns = (x_um, y_um), self.clock.now_ns()
        self.sent.append(self.xy)

    def send_focus(self, z_um: float) -> None:
        self.z = z_um

    def set_velocity(self, x_um_s: float, y_um_s: float) -> None:
        raise NotImplementedError

    def stop_xy(self) -> None:
        self.stops.append("xy")
        if self.silent:
            raise RuntimeError("no answer")

    def stop_focus(self) -> None:
        self.stops.append("focus")

    def read_xy(self) -> tuple[float, float]:
        self.clock.sleep_until_ns(self.clock.now_ns() + self.reading_ms * NS_PER_MS)
        return self.xy

    def read_focus(self) -> float:
        return self.z


class Stand:
    def __init__(
        self, dynamics: Dynamics = PLAIN, device: type[Device] = Device, waits: bool = False
    ) -> None:
        self.clock = VirtualClock()
        self.device: Any = device(self.clock)
        pose = PoseModel((0.0, 0.0, 0.0), dynamics, Dynamics(), waits)
        self.reasons: list[str] = []
        self.executor = MoveExecutor(self.device, pose, BOX, self.clock, self.reasons.append)

    def accept(self, frame: int, x: float, z: float | None = None, expires_ns: int = NEVER) -> None:
        self.executor.accept(Move(x, None, z, expires_ns, frame), 0, self.clock.now_ns())

    def step(self, kind: type[Report]) -> list:
        self.executor.step()
        return [report for report in self.executor.reports() if isinstance(report, kind)]

    def at_ms(self, ms: float) -> None:
        self.clock.sleep_until_ns(round(ms * NS_PER_MS))


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
