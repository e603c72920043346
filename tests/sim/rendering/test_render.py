"""Rendered frames: repeatable, varied, and with boxes that fit what is in the picture."""

from __future__ import annotations

import numpy as np
import pytest
from pursuit.sim.rendering import KINDS, render
from pursuit.sim.rendering.canvas import ON_ANOTHER, push_together, scatter_px

OBJECTS = [kind for kind in KINDS if kind != "empty field"]


def frames(kind, count=12, size_px=320):
    return [render(kind, np.random.default_rng([5, i]), size_px) for i in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_generator_draws_the_same_frame(kind):
    one, other = (render(kind, np.random.default_rng(8), 200) for _ in range(2))
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.boxes_px, other.boxes_px)


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_as_promised(kind):
    drawn = frames(kind, size_px=192)
    for frame in drawn:
        assert frame.image.shape == (192, 192)
        assert frame.boxes_px.dtype == np.float32
        assert frame.boxes_px.shape == (len(frame.boxes_px), 4)
        assert (frame.boxes_px >= -0.5).all() and (frame.boxes_px <= 191.5).all()
        assert (frame.boxes_px[:, 2:] > frame.boxes_px[:, :2]).all()
        assert np.ptp(frame.image) > (3 if kind in OBJECTS else 0)
    assert {frame.image.dtype.name for frame in drawn} == {"uint8", "uint16"}
    assert {frame.names for frame in drawn} == {drawn[0].names}
    for frame in drawn:
        assert frame.classes.shape == (len(frame.boxes_px),)
        assert set(frame.classes) <= set(range(len(frame.names)))
    if kind in OBJECTS:
        assert sum(len(frame.boxes_px) for frame in drawn) > len(drawn)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("cell", ("cell",)),
        ("brightfield cell", ("cell",)),
        ("phase contrast cell", ("cell",)),
        ("long body", ("worm",)),
        ("spots in nuclei", ("nucleus", "spot")),
        ("empty field", ()),
    ],
)
def test_classes_are_named(kind, names):
    assert render(kind, np.random.default_rng(3), 192).names == names


def test_an_empty_field_has_nothing_to_detect():
    assert sum(len(frame.boxes_px) for frame in frames("empty field")) == 0


def test_spots_lie_in_nuclei():
    for frame in frames("spots in nuclei"):
        nuclei, spots = (frame.boxes_px[frame.classes == i] for i in (0, 1))
        middles = (spots[:, None, :2] + spots[:, None, 2:]) / 2
        inside = (middles > nuclei[:, :2] - 4).all(axis=2) & (middles < nuclei[:, 2:] + 4).all(
            axis=2
        )
        edge = ((middles[:, 0] < 60) | (middles[:, 0] > 259)).any(axis=1)
        assert (inside.any(axis=-1) | edge).all()


def test_long_bodies_are_long():
    """Of those that are not bent into a ring, which a box does not show: the longest of each."""
    ratios = []
    for frame in frames("long body", 40):
        sides = frame.boxes_px[:, 2:] - frame.boxes_px[:, :2]
        if len(sides):
            ratios.append((sides.max(axis=1) / sides.min(axis=1)).max())
    assert np.median(ratios) > 2


@pytest.mark.parametrize("kind", ["spot", "cell", "worm"])
def test_glowing_objects_are_brighter_than_their_surroundings(kind):
    brighter = []
    for frame in frames(kind):
        outside = np.ones(frame.image.shape, bool)
        for left, top, right, bottom in frame.boxes_px.round().astype(int):
            outside[max(top - 4, 0) : bottom + 5, max(left - 4, 0) : right + 5] = False
        for left, top, right, bottom in frame.boxes_px.round().astype(int).clip(0, 319):
            inside = frame.image[top : bottom + 1, left : right + 1]
            around = np.s_[max(top - 20, 0) : bottom + 21, max(left - 20, 0) : right + 21]
            brighter.append(inside.mean() > frame.image[around][outside[around]].mean())
    assert np.mean(brighter) > 0.95


def half_contrast_box(image, box):
    """Extent of what is brighter than half of the peak, around a box that stands alone."""
    left, top, right, bottom = box.round().astype(int)
    patch = image[top - 4 : bottom + 5, left - 4 : right + 5].astype(float)
    dark = np.median(np.concatenate([patch[:2].ravel(), patch[-2:].ravel()]))
    lit = patch > dark + 0.5 * (patch.max() - dark)
    columns, rows = np.flatnonzero(lit.any(axis=0)), np.flatnonzero(lit.any(axis=1))
    extent = np.array([columns[0], rows[0], columns[-1], rows[-1]])
    return extent + np.array([left, top, left, top]) - 4


def test_boxes_of_spots_fit():
    """At half of the peak a Gaussian is 0.60 times as wide as at 15 %."""
    ratios, shifts = [], []
    for frame in frames("spot", 40):
        b = frame.boxes_px
        room = (b[:, :2] > 6).all(axis=1) & (b[:, 2:] < 313).all(axis=1)
        middles = (b[:, :2] + b[:, 2:]) / 2
        apart = np.hypot(*(middles[:, None] - middles).transpose(2, 0, 1)) + 1e3 * np.eye(len(b))
        clear = np.ptp(frame.image) > 20 * np.std(np.diff(frame.image.astype(float)))
        for box in b[room & (apart.min(axis=1, initial=1e3) > 30)] if clear else ():
            half = half_contrast_box(frame.image, box)
            ratios.append((half[2:] - half[:2] + 1) / (box[2:] - box[:2]))
            shifts.append((half[2:] + half[:2] - box[2:] - box[:2]) / 2)
    assert len(ratios) > 10
    assert np.median(ratios) == pytest.approx(0.60, abs=0.08)
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.2


@pytest.mark.parametrize("kind", ["brightfield cell", "phase contrast cell", "long body"])
def test_objects_in_transmitted_light_stand_out_in_their_boxes(kind):
    """A box differs from its frame more than places without an object do."""
    with_cell, without = [], []
    for frame in frames(kind, 20):
        image = frame.image.astype(float)
        covered = np.zeros(image.shape, bool)
        for left, top, right, bottom in frame.boxes_px.round().astype(int):
            covered[max(top, 0) : bottom + 1, max(left, 0) : right + 1] = True
        level, spread = np.median(image[~covered]), image[~covered].std()
        away = np.abs(image - level) / spread
        with_cell.append(away[covered].mean())
        without.append(away[~covered].mean())
    assert np.mean(with_cell) > 1.5 * np.mean(without)


def test_what_is_pushed_together_lies_beside_others_and_hides_none():
    rng = np.random.default_rng(2)
    apart = scatter_px(60, 40.0, 0.0, 600, rng)
    together = push_together(apart, 0.7, 20.0, rng)
    gaps = np.hypot(*(together[:, None] - together).transpose(2, 0, 1)) + 1e3 * np.eye(
        len(together)
    )
    assert (gaps.min(axis=1) < 20.0 * 1.15).sum() > len(apart) / 4
    assert gaps.min() >= ON_ANOTHER * 20.0
    assert push_together(apart, 0.0, 20.0, rng).tolist() == apart.tolist()


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="spot, cell, worm"):
        render("fish", np.random.default_rng(0))
