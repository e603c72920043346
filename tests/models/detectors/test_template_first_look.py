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
