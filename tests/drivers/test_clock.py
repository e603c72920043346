"""What is known of a call by how long it took."""

from __future__ import annotations

from pursuit.drivers.clock import CallTime

MS = 1_000_000


def test_a_call_that_took_longer_than_usual_is_late_by_that() -> None:
    calls = CallTime()
    assert [calls.late_ns(0, took) for took in (20 * MS, 20 * MS, 20 * MS)] == [0, 0, 0]
    assert calls.late_ns(100 * MS, 135 * MS) == 15 * MS
    assert calls.late_ns(200 * MS, 219 * MS) == 0


def test_what_varies_anyway_is_not_late() -> None:
    calls = CallTime()
    spread_ms = [1, 16, 2, 9, 15, 5, 12, 3, 16, 8, 1, 14, 6, 11, 16]
    assert not any(calls.late_ns(0, took * MS) for took in spread_ms[3:] + spread_ms[4:])
    assert calls.late_ns(0, 120 * MS) > 100 * MS
