"""When an image arrived, however late it was looked for."""

from __future__ import annotations

import pytest
from pursuit.drivers.micromanager.exposures import ArrivalTimes, FrameNumbers

MS = 1_000_000
ORIGIN_NS = 5_000 * MS


def tag(elapsed_ms: float) -> dict[str, str]:
    return {"ElapsedTime-ms": f"{elapsed_ms:.2f}"}


def test_late_looks_do_not_shake_the_times() -> None:
    arrivals = ArrivalTimes()
    lateness_ms = [0.4, 0.0, 3.0, 0.1, 7.5, 0.2]
    found = [
        arrivals.time_ns(tag(10.0 * i), ORIGIN_NS + round((10 * i + late) * MS))
        for i, late in enumerate(lateness_ms)
    ]
    assert found[1:] == [ORIGIN_NS + 10 * i * MS for i in range(1, 6)]


def test_nothing_is_dated_into_the_future() -> None:
    arrivals = ArrivalTimes()
    for i, late in enumerate([5.0, 2.0, 9.0, 0.0, 4.0]):
        now_ns = ORIGIN_NS + round((10 * i + late) * MS)
        assert arrivals.time_ns(tag(10.0 * i), now_ns) <= now_ns


def test_a_host_that_stalled_for_a_second_does_not_disturb_the_times() -> None:
    arrivals = ArrivalTimes()
    found = []
    for i in range(40):
        late_ms = 900.0 if i == 20 else 0.1 * (i % 3)
        found.append(arrivals.time_ns(tag(10.0 * i), ORIGIN_NS + round((10 * i + late_ms) * MS)))
    assert found == [ORIGIN_NS + 10 * i * MS for i in range(40)]


def test_a_clock_that_begins_anew_is_believed_from_then_on() -> None:
    arrivals = ArrivalTimes()
    for i in range(300):
        now_ns = ORIGIN_NS + 10 * i * MS
        elapsed_ms = 10.0 * i if i < 150 else 10.0 * (i - 150)
        assert arrivals.time_ns(tag(elapsed_ms), now_ns) == now_ns


def test_the_camera_s_own_clock_is_believed_before_that_of_the_core() -> None:
    arrivals = ArrivalTimes()
    for i, core_late_ms in enumerate([0.0, 22.0, 4.0, 9.0]):
        tags = tag(10.0 * i + core_late_ms) | {"Zyla-ElapsedTime-ms": f"{10.0 * i:.3f}"}
        found_ns = ORIGIN_NS + round((10 * i + core_late_ms) * MS)
        assert arrivals.time_ns(tags, found_ns) == ORIGIN_NS + 10 * i * MS


@pytest.mark.parametrize("tags", [{}, {"ElapsedTime-ms": "soon"}, {"ElapsedTime-ms": "inf"}])
def test_without_a_tag_an_image_arrives_when_it_is_found(tags: dict[str, str]) -> None:
    assert ArrivalTimes().time_ns(tags, 123) == 123


def test_a_tag_that_does_not_keep_time_is_not_believed() -> None:
    arrivals = ArrivalTimes()
    found = [arrivals.time_ns(tag(0.0), ORIGIN_NS + 10 * i * MS) for i in range(60)]
    assert found[-1] == ORIGIN_NS + 590 * MS


@pytest.mark.parametrize(
    ("numbers", "indices"),
    [
        pytest.param([0, 1, 2, 3], [0, 1, 2, 3], id="as they come"),
        pytest.param([0, 1, 5, 6, 78], [0, 1, 5, 6, 78], id="some found no room"),
        pytest.param([0, 4, 8, 20, 24], [0, 1, 2, 5, 6], id="a camera that averages four"),
        pytest.param([0, 1, 2**31 - 1, 3, 4], [0, 1, 2, 3, 4], id="a wrong one"),
        pytest.param(["0.0", "1.0", "3.0"], [0, 1, 3], id="as a decimal"),
        pytest.param([12, 13, 17], [0, 1, 5], id="from the first that is seen"),
        pytest.param([5, 5, 5], [0, 1, 2], id="a number that does not grow"),
        pytest.param([254, 255, 0, 1, 3], [0, 1, 2, 3, 5], id="a number that wraps"),
        pytest.param([None, "x", None], [0, 1, 2], id="none"),
    ],
)
def test_an_image_is_counted_by_the_number_it_has(numbers: list, indices: list[int]) -> None:
    counted = FrameNumbers()
    tags = [{} if number is None else {"ImageNumber": str(number)} for number in numbers]
    assert [counted.index(tag) for tag in tags] == indices


def test_a_camera_counts_better_than_the_core() -> None:
    counted = FrameNumbers()
    tags = [{"ImageNumber": str(i), "Zyla-ImageNumber": str(n)} for i, n in enumerate((1, 2, 5))]
    assert [counted.index(tag) for tag in tags] == [0, 1, 4]


def test_where_a_camera_gives_no_number_the_core_counts() -> None:
    counted = FrameNumbers()
    tags = [{"ImageNumber": str(n), "Zyla-ImageNumber": "none"} for n in (0, 1, 5)]
    assert [counted.index(tag) for tag in tags] == [0, 1, 5]
