"""Whatever is asked, what the envelope allows stays inside it."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pursuit.drivers.envelope import SLACK_UM, Envelope
from pursuit.drivers.messages import Area, Circle, Polygon, Restrictions

BOX = ((-1000.0, 1000.0), (-800.0, 800.0), (-20.0, 20.0))
SPAN = st.floats(-1500, 1500)
PLACE = st.tuples(SPAN, SPAN)
ANGLE = st.floats(0, 2 * math.pi)


@st.composite
def star(draw: st.DrawFn) -> Polygon:
    """A polygon, concave or not, that does not cross itself: corners in order around a middle."""
    x, y = draw(st.tuples(st.floats(-400, 400), st.floats(-400, 400)))
    radii = draw(st.lists(st.floats(20, 700), min_size=3, max_size=8))
    turns = [2 * math.pi * i / len(radii) for i in range(len(radii))]
    corners = [
        (x + r * math.cos(turn), y + r * math.sin(turn))
        for r, turn in zip(radii, turns, strict=True)
    ]
    return Polygon(tuple(corners), "polygon under [limits]")


circle = st.builds(
    Circle, st.floats(-400, 400), st.floats(-400, 400), st.floats(5, 900), st.just("a circle")
)
area = st.one_of(star(), circle)


@st.composite
def envelopes(draw: st.DrawFn) -> Envelope:
    inside = draw(st.lists(area, max_size=2))
    keep_out = draw(st.lists(area, max_size=2))
    envelope = Envelope(BOX, Restrictions(inside=tuple(inside), keep_out=tuple(keep_out)))
    assume(not envelope.empty)
    return envelope


def is_in(area: Area, x: float, y: float, error_um: float) -> bool:
    """Whether a place is in an area, by the definition; for polygons by crossings of a ray.

    Within ``error_um`` of the edge the answer is in favour: true.
    """
    if isinstance(area, Circle):
        return math.hypot(x - area.x_um, y - area.y_um) <= area.radius_um + error_um
    sides = list(zip(area.points_um, (*area.points_um[1:], area.points_um[0]), strict=True))
    if min(to_side(x, y, *a, *b) for a, b in sides) <= abs(error_um):
        return error_um > 0
    crossings = (
        (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax
        for (ax, ay), (bx, by) in sides
    )
    return sum(crossings) % 2 == 1


def to_side(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    t = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)
    t = min(max(t, 0.0), 1.0)
    return math.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay))


def is_allowed(envelope: Envelope, x: float, y: float, error_um: float = 1e-6) -> bool:
    (x0, x1), (y0, y1), _ = envelope.limits_um
    return (
        x0 - error_um <= x <= x1 + error_um
        and y0 - error_um <= y <= y1 + error_um
        and all(is_in(area, x, y, error_um) for area in envelope.restrictions.inside)
        and not any(is_in(area, x, y, -error_um) for area in envelope.restrictions.keep_out)
    )


@settings(max_examples=300, deadline=None)
@given(envelopes(), PLACE, PLACE, st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=8))
def test_no_axis_can_leave_it_on_an_allowed_move(envelope, start, end, shares) -> None:
    """Whichever axis is ahead, the stage is inside all the way."""
    x0, y0, _ = envelope.nearest_inside((*start, 0.0), 1.0)
    x1, y1, _ = envelope.nearest_inside((*end, 0.0), 1.0)
    for to in ((x1, y1), end, (x1, None), (None, y1)):
        if envelope.problem((x0, y0, 0.0), (*to, None)):
            continue
        end_x, end_y = (x0 if to[0] is None else to[0]), (y0 if to[1] is None else to[1])
        for a, b in (*shares, (0, 1), (1, 0), (1, 1)):
            assert is_allowed(envelope, x0 + a * (end_x - x0), y0 + b * (end_y - y0))


@settings(max_examples=300, deadline=None)
@given(envelopes(), PLACE, st.floats(-50, 50), st.floats(0, 5))
def test_the_nearest_place_is_inside(envelope, place, z, margin) -> None:
    x, y, inside_z = envelope.nearest_inside((*place, z), margin)
    assert envelope.is_inside((x, y, inside_z))
    assert is_allowed(envelope, x, y)
    assert -20 <= inside_z <= 20
    if envelope.is_inside((*place, 0.0)) and not margin:
        assert math.dist((x, y), place) < 1e-3 + 1e-3 * envelope_size(envelope)


def envelope_size(envelope: Envelope) -> float:
    """Radius of the greatest circle in it: within 8e-5 of that circles are polygons."""
    areas = (*envelope.restrictions.inside, *envelope.restrictions.keep_out)
    radii = [area.radius_um for area in areas if isinstance(area, Circle)]
    return max(radii, default=0.0)


@settings(max_examples=300, deadline=None)
@given(envelopes(), PLACE, ANGLE, st.floats(0, 1), st.tuples(*[st.floats(0, 30)] * 4))
def test_nothing_within_reach_leaves_it_before_the_distance(
    envelope, place, angle, share, reach
) -> None:
    x, y, _ = envelope.nearest_inside((*place, 0.0), 1.0)
    unit = math.cos(angle), math.sin(angle)
    far = envelope.distance_um((x, y), unit, reach, reach)
    assert math.isfinite(far), (envelope.restrictions, (x, y))
    if not far:
        return
    left, down, right, up = reach
    for along in (0.0, share * far, far):
        for dx, dy in ((-left, -down), (right, up), (-left, up), (right, -down), (0, 0)):
            assert is_allowed(envelope, x + along * unit[0] + dx, y + along * unit[1] + dy, 1e-3)


@given(SPAN, SPAN, st.floats(-60, 60), SPAN, SPAN, st.floats(-60, 60))
def test_a_stage_outside_moves_only_if_it_may_and_only_inward(x0, y0, z0, x1, y1, z1) -> None:
    strict, lax = Envelope(BOX), Envelope(BOX, Restrictions(return_inside=True))
    outside = strict.lies_outside((x0, y0, z0))
    if not outside:
        return
    assert "outside" in strict.problem((x0, y0, z0), (0.0, 0.0, 0.0))
    assert not lax.problem((x0, y0, z0), (0.0, 0.0, 0.0))
    if not lax.problem((x0, y0, z0), (x1, y1, z1)):
        before = [max(a - v, v - b, 0) for v, (a, b) in zip((x0, y0, z0), BOX, strict=True)]
        after = [max(a - v, v - b, 0) for v, (a, b) in zip((x1, y1, z1), BOX, strict=True)]
        assert all(b <= a for a, b in zip(before, after, strict=True))
        assert sum(after) < sum(before)


def test_an_area_to_be_inside_of_and_to_keep_out_of_leaves_nothing() -> None:
    corners = (
        (345.0, -148.296875),
        (194.98972345059184, 451.81978678224186),
        (-16.180339887498945, -136.54116995415055),
        (-16.180339887498953, -160.05258004584945),
        (6.180339887498945, -167.31800532590307),
    )
    one = Polygon(corners, "polygon under [limits]")
    two = Circle(4.0, 270.0, 393.0, "a circle")
    assert Envelope(BOX, Restrictions(inside=(one, two), keep_out=(one,))).empty
    assert not Envelope(BOX, Restrictions(inside=(one, two))).empty


def test_a_refusal_names_both_numbers_and_the_setting() -> None:
    ring = Circle(0.0, 0.0, 500.0, "circle under [limits]")
    hole = Circle(0.0, 300.0, 50.0, "keep_out[0] under [limits]")
    envelope = Envelope(BOX, Restrictions((ring,), (hole,), step_um=400.0, focus_step_um=3.0))
    here = (0.0, 0.0, 0.0)
    assert envelope.problem(here, (10.0, 10.0, 1.0)) == ""
    for to, words in (
        ((1200.0, None, None), ("x = 1200", "[-1000, 1000]", "x_um under")),
        ((510.0, None, None), ("510 µm from the middle", "500 µm", "circle under")),
        ((0.0, 290.0, None), ("10 µm from the middle", "50 µm", "keep_out[0]")),
        ((0.0, 380.0, None), ("way from (0, 0) to (0, 380)", "keep_out[0]")),
        ((410.0, 0.0, None), ("410 µm is longer than 400 µm", "step_um")),
        ((None, None, 4.0), ("4 µm is longer than 3 µm", "focus_step_um")),
        ((None, None, math.nan), ("z = nan", "z_um")),
    ):
        problem = envelope.problem(here, to)
        assert all(word in problem for word in words), problem
    assert "stands outside" in envelope.problem((math.nan, 0.0, 0.0), (0.0, 0.0, 0.0))


def test_a_stage_that_is_read_just_beyond_the_edge_may_go_back() -> None:
    square = Polygon(((-100.0, -100.0), (100.0, -100.0), (100.0, 100.0), (-100.0, 100.0)), "p")
    for envelope in (
        Envelope(((-100.0, 100.0), (-100.0, 100.0), (0.0, 1.0))),
        Envelope(BOX, Restrictions(inside=(square,))),
    ):
        beyond = 100.0 + SLACK_UM / 2
        assert not envelope.problem((beyond, 0.0, 0.5), (99.0, 1.0, None))
        assert envelope.problem((beyond, 0.0, 0.5), (beyond, 1.0, None))
        assert envelope.distance_um((beyond, 0.0), (-1.0, 0.0)) == pytest.approx(200.0, abs=2.0)
        assert envelope.distance_um((beyond, 0.0), (1.0, 0.0)) == pytest.approx(0.0, abs=1e-3)
