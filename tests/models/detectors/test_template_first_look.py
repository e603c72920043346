"""The first look of a template: any patch with contrast is taken, at its place and in its size."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.models.detectors import Window
from pursuit.models.detectors.template.options import TemplateOptions
from pursuit.models.detectors.template.template import Template

SIDE = 96


def textured(rng, side, at, diameter, contrast, grain):
    """Noise of one on a level of 100, and a disc of blurred texture of that contrast."""
    texture = cv2.GaussianBlur(rng.normal(size=(side, side)), (0, 0), grain)
    y, x = np.mgrid[:side, :side]
    inside = np.hypot(x - at[0], y - at[1]) <= diameter / 2
    texture *= contrast / max(texture[inside].std(), 1e-6)
    texture -= texture[inside].mean() - contrast
    return 100 + texture * inside + rng.normal(size=(side, side))


def as_image(values):
    return np.clip(np.round(values * 16), 0, 65535).astype(np.uint16)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.floats(0, SIDE - 1), st.floats(0, SIDE - 1)),
    st.floats(8, SIDE),
    st.floats(3, 100),
    st.booleans(),
)
def test_any_textured_patch_scores_high_at_its_place(seed, at, diameter, contrast, is_told):
    rng = np.random.default_rng(seed)
    image = as_image(textured(rng, SIDE, at, diameter, contrast, diameter / 8))
    told = diameter if is_told else None
    found = Template(TemplateOptions(point_px=at, diameter_px=told)).detect(image)
    assert len(found) == 1 and found.scores[0] >= 0.5
    np.testing.assert_allclose(found.centres_px, [at], atol=0.5)


@pytest.mark.parametrize("noise", [0.0, 1.0, 40.0])
@pytest.mark.parametrize("diameter", [None, 8, 30, SIDE])
def test_noise_is_not_followed_and_that_is_said(diameter, noise):
    rng, taken = np.random.default_rng(0), 0
    for _ in range(100):
        at = (rng.uniform(0, SIDE - 1), rng.uniform(0, SIDE - 1))
        follow = Template(TemplateOptions(point_px=at, diameter_px=diameter))
        found = [follow.detect(as_image(100 + rng.normal(0, noise, (SIDE, SIDE)))) for _ in "12"]
        taken += any(map(len, found))
        assert len(follow.notes) == 1
        assert taken or "there is nothing" in follow.notes[0]
    assert taken <= 1


def scene(rng, uneven):
    """A field of three cells on uneven, correlated background, in a margin beyond the movie."""
    y, x = np.mgrid[:256, :256]
    grey = 100 + uneven * np.hypot(x - 60, y - 40) / 100 + 3 * rng.normal(size=x.shape)
    for column, row in ((70, 180), (180, 90), (200, 200)):
        grey += 90 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * 5.0**2))
    grey = cv2.GaussianBlur(grey, (0, 0), 0.7)
    grey[:, :24] = grey[:16] = 110
    return grey.astype(np.uint8)


@pytest.mark.parametrize("told", [None, 16])
@pytest.mark.parametrize("uneven", [0, 15, 40])
def test_where_nothing_stands_out_nothing_is_taken_and_what_does_is_told(uneven, told):
    rng, taken = np.random.default_rng(3), 0
    cells = np.array([(70, 180), (180, 90), (200, 200)])
    points = [
        (28, 20),
        (120, 130),
        (250, 20),
        (100, 40),
        (130, 240),
        *rng.uniform(30, 250, (20, 2)),
    ]
    points = [point for point in points if np.hypot(*(cells - point).T).min() > 30]
    for at in points:
        follow = Template(TemplateOptions(point_px=tuple(at), diameter_px=told))
        taken += len(follow.detect(scene(rng, uneven)))
        if len(follow.elsewhere_px):
            away = np.hypot(*(follow.elsewhere_px[:, None] - cells).transpose(2, 0, 1))
            assert away.min(axis=1).max() < 5 and len(away) == 3
    assert taken <= 1
    for cell in cells.tolist():
        follow = Template(TemplateOptions(point_px=tuple(cell), diameter_px=told))
        assert len(follow.detect(scene(rng, uneven))) == 1 and not len(follow.elsewhere_px)


@pytest.mark.parametrize("diameter", [8, 16, 30, 60])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_size_is_found_where_none_is_told(diameter, sign):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:160, :160]
    disc = 1 / (1 + np.exp(2 * (np.hypot(x - 70, y - 90) - diameter / 2)))
    image = as_image(200 + sign * 20 * disc + rng.normal(size=disc.shape))
    follow = Template(TemplateOptions(point_px=(70, 90)))
    left, top, right, bottom = follow.detect(image).boxes_px[0]
    assert right - left == pytest.approx(diameter, rel=0.2) == bottom - top
    assert f"{right - left:.0f} px large" in follow.notes[0]


def test_the_score_says_how_much_better_than_chance_a_match_is():
    rng = np.random.default_rng(1)
    still = textured(rng, SIDE, (48, 48), 24, 20, 3)
    follow = Template(TemplateOptions(diameter_px=24, learn=0, least_score=0))
    follow.detect(as_image(still))
    scores = []
    for noise in (0.5, 5, 20, 60, 400):
        images = [as_image(still + 1000 + rng.normal(0, noise, still.shape)) for _ in range(4)]
        found = [follow.detect_within(image, Window((48, 48), 20)) for image in images]
        scores.append(np.mean([one.scores[0] if len(one) else 0 for one in found]))
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.6 and scores[-1] < 0.1


def test_what_turns_and_grows_is_followed_with_its_size():
    rng, follow = np.random.default_rng(2), Template(TemplateOptions(diameter_px=30))
    still = textured(rng, 161, (80, 80), 30, 40, 4)
    at = np.array([80.0, 80.0])
    for k in range(80):
        matrix = cv2.getRotationMatrix2D((80, 80), 5.0 * k, 1.0 + 0.004 * k)
        matrix[:, 2] += at - 80
        shown = cv2.warpAffine(still, matrix, still.shape[::-1], borderValue=100.0)
        image = as_image(shown + rng.normal(size=still.shape))
        found = follow.detect_within(image, Window((at[0], at[1]), 32))
        assert len(found) == 1 and np.hypot(*(found.centres_px[0] - at)) < 4.5
        left, _, right, _ = found.boxes_px[0]
        assert right - left == pytest.approx(30 * (1 + 0.004 * k), rel=0.12)
        at = at + rng.uniform(-1, 1, 2)
