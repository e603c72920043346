"""Tracklets cut where no object can go, and joined where one went on unseen."""

from __future__ import annotations

import numpy as np
from pursuit.controller.offline.joining import cut, joined, longest_step_um
from pursuit.controller.offline.plausibility import plausibility
from pursuit.controller.offline.tracklets import Tracklets

Point = tuple[int, int, float, float, float]
"""Tracklet, frame, x, y and size."""


def tracklets(points: list[Point], mothers: dict[int, int] | None = None) -> Tracklets:
    table = np.array(points, np.float64)
    ids, frames = table[:, 0].astype(np.intp), table[:, 1].astype(np.intp)
    whole = Tracklets(
        ids, frames, table[:, 2:4], table[:, 4], np.full(len(ids), 0.8), ids, mothers or {}
    )
    return whole.named(ids)


def going(track: int, frames: range, x: float, y: float, size: float = 10.0) -> list[Point]:
    """One that goes right by 1 a frame and shakes by a little."""
    shakes = np.random.default_rng(track).normal(0, 0.2, (len(frames), 2))
    return [
        (track, frame, x + frame + dx, y + dy, size)
        for frame, (dx, dy) in zip(frames, shakes, strict=True)
    ]


def others() -> list[Point]:
    return [point for k in range(6) for point in going(10 + k, range(20), 20, 200 + 100 * k)]


def names(found: Tracklets, y_below: float = 100) -> list[int]:
    return np.unique(found.ids[found.positions_um[:, 1] < y_below]).tolist()


def test_what_jumps_is_cut_where_it_jumps_and_nothing_else_is() -> None:
    jumping = going(1, range(10), 20, 20) + going(1, range(10, 20), 20, 60)
    whole = tracklets(jumping + others())
    parts = cut(whole, longest_step_um(whole))
    assert len(parts.firsts) == len(whole.firsts) + 1
    assert sorted(parts.lengths.tolist())[:2] == [10, 10]
    assert len(joined(parts, longest_step_um(whole), 10).firsts) == len(parts.firsts)


def test_one_that_was_not_seen_for_some_frames_goes_on_as_itself() -> None:
    whole = tracklets(going(1, range(8), 20, 20) + going(2, range(11, 20), 20, 20) + others())
    assert len(names(joined(whole, longest_step_um(whole), 10))) == 1
    assert len(names(joined(whole, longest_step_um(whole), 2))) == 2


def test_of_two_that_may_go_on_each_goes_on_where_both_fit_best() -> None:
    ends = going(1, range(8), 20, 20) + going(2, range(8), 20, 24)
    begins = going(3, range(11, 20), 20, 20) + going(4, range(11, 20), 20, 24)
    found = joined(tracklets(ends + begins + others()), 5.0, 10)
    near = found.positions_um[:, 1] < 22
    low = found.positions_um[:, 1] < 100
    assert len(np.unique(found.ids[near])) == len(np.unique(found.ids[low & ~near])) == 1


def test_another_size_is_another_object() -> None:
    small = going(2, range(11, 20), 20, 20, size=4)
    whole = tracklets(going(1, range(8), 20, 20) + small + others())
    assert len(names(joined(whole, longest_step_um(whole), 10))) == 2


def test_mothers_end_and_daughters_begin() -> None:
    daughters = going(2, range(8, 20), 20, 19) + going(3, range(8, 20), 20, 21)
    whole = tracklets(going(1, range(8), 20, 20) + daughters + others(), {2: 1, 3: 1})
    found = joined(whole, longest_step_um(whole), 10)
    assert len(names(found)) == 3
    assert len(found.mother_of()) == 2


def test_names_that_do_not_change_places_are_more_plausible() -> None:
    right = going(1, range(20), 20, 20) + going(2, range(20), 20, 30)
    wrong = [(3 - k if t >= 10 else k, t, x, y, size) for k, t, x, y, size in right]
    assert plausibility(tracklets(right), 1.0) > plausibility(tracklets(wrong), 1.0)


def test_nothing_linked_has_nothing_to_tell() -> None:
    alone = tracklets([(1, 0, 5.0, 5.0, 10.0), (2, 3, 50.0, 5.0, 10.0)])
    assert longest_step_um(alone) == np.inf
    assert joined(cut(alone, np.inf), np.inf, 10).ids.tolist() == [1, 2]
    assert plausibility(alone, 1.0) == 0
