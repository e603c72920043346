"""Contrast levels: steady, quick where the light changes, and never noise made large."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pursuit.models.images import SmoothedLevels, levels_of, stretched


def scene(rng, objects, level=300.0, shape=(200, 250)):
    """Noisy image with bright squares of about one per cent of it each."""
    mean = np.full(shape, level)
    for _ in range(objects):
        y, x = rng.integers(0, shape[0] - 22), rng.integers(0, shape[1] - 22)
        mean[y : y + 22, x : x + 22] = 5 * level
    return rng.poisson(mean).astype(np.uint16)


def test_levels_are_the_percentiles_of_the_image():
    image = scene(np.random.default_rng(0), 10)
    np.testing.assert_allclose(levels_of(image)[:2], np.percentile(image, [0.5, 99.8]), rtol=0.02)
    seen = stretched(image, levels_of(image))
    assert seen.dtype == np.float32 and seen.min() == 0 and seen.max() == 1


def burnt_in(image, top):
    """What is no specimen: by name, the image with it."""
    height, width = image.shape
    y, x = np.mgrid[:height, :width]
    rng = np.random.default_rng(1)
    spots = rng.integers(0, height, 300), rng.integers(0, width, 300)
    glow = 2.0 * top * np.exp(-((y - 150) ** 2 + (x - 50) ** 2) / (2 * 15**2))
    return {
        "a dead row": [(slice(0, 1), slice(None), 0)],
        "a dead column": [(slice(None), slice(120, 121), 0)],
        "a hot row": [(slice(77, 78), slice(None), top)],
        "dead pixels": [(*spots, 0)],
        "hot pixels": [(*spots, top)],
        "the border of a registered movie": [(slice(0, 20), slice(None), 0)],
        "a scale bar": [(slice(180, 190), slice(150, 240), top)],
        "a time in a box": [(slice(180, 200), slice(0, 90), 0), (slice(185, 195), 9, top)],
        "saturated debris": [(..., np.clip(glow, image, top).astype(image.dtype))],
    }


@pytest.mark.parametrize("top", [4095, 65535])
@pytest.mark.parametrize("what", list(burnt_in(np.zeros((200, 250), np.uint16), 1)))
def test_what_is_no_specimen_does_not_set_the_contrast(what, top):
    image = scene(np.random.default_rng(0), 10)
    low, high, middle = levels_of(image)
    spoiled = image.copy()
    for *where, value in burnt_in(image, top)[what]:
        spoiled[tuple(where)] = value
    seen = levels_of(spoiled)
    np.testing.assert_allclose(seen[:2], (low, high), atol=0.1 * (high - low))
    assert abs(seen.middle - middle) < 0.05


def test_weak_cells_beside_a_time_stamp_keep_their_contrast():
    """Bright and dark by 16 sigmas of the noise, as T cells in brightfield are."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:400, :400]
    image = 2000 + rng.normal(0, 50, y.shape)
    for sign, (middle_y, middle_x) in ((1, (150, 60)), (-1, (210, 290)), (1, (340, 330))):
        image += sign * 800 * (np.hypot(y - middle_y, x - middle_x) < 20)
    image = image.astype(np.uint16)
    clean = levels_of(image)
    image[20:32, 20:140] = 65_535
    seen = levels_of(image)
    assert abs(seen.high - clean.high) < 0.1 * (clean.high - clean.low)


def test_cells_that_saturate_are_no_debris():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:170, :170]
    image = 160 + rng.normal(0, 2, y.shape)
    for middle_y, middle_x, light in ((50, 60, 200), (110, 90, 150), (60, 130, 25), (140, 40, 20)):
        away = np.hypot(y - middle_y, x - middle_x)
        image += light / (1 + np.exp((away - 13) / 2))
    low, high, _ = levels_of(np.clip(image, 0, 255).astype(np.uint8))
    assert high == 255
    assert abs(low - 155) < 5


def test_what_is_cut_off_counts_if_it_is_most_of_the_image():
    """Nuclei on a background that was set to zero, and an image of two values."""
    image = np.zeros((200, 250), np.uint8)
    image[50:80, 50:80] = np.random.default_rng(0).integers(100, 200, (30, 30))
    low, high, middle = levels_of(image)
    assert low == 0 and high > 180 and middle == 0
    assert levels_of(np.where(image > 0, 255, 0).astype(np.uint8))[:2] == (0, 255)


def test_no_flicker_as_objects_come_and_go():
    rng, levels = np.random.default_rng(0), SmoothedLevels()
    shown, alone = [], []
    for frame in range(50):
        image = scene(rng, 6 + frame % 2)
        shown.append(levels.update(image))
        alone.append(levels_of(image))
    jitter, jitter_alone = (np.std(np.array(x)[20:, 1]) for x in (shown, alone))
    assert jitter < 0.45 * jitter_alone
    assert abs(np.mean(shown, axis=0) - np.mean(alone, axis=0)).max() < 10


@pytest.mark.parametrize("factor", [0.4, 2.5])
def test_a_change_of_light_is_followed_at_once(factor):
    rng, levels = np.random.default_rng(0), SmoothedLevels()
    for _ in range(10):
        levels.update(scene(rng, 6))
    image = scene(rng, 6, 300 * factor)
    np.testing.assert_allclose(levels.update(image), levels_of(image))


def test_bleaching_is_followed():
    rng, levels = np.random.default_rng(0), SmoothedLevels()
    images = [scene(rng, 6, 300 * 0.99**frame) for frame in range(60)]
    low, high, _ = [levels.update(image) for image in images][-1]
    new_low, new_high, _ = levels_of(images[-1])
    assert abs(low - new_low) < 0.1 * (new_high - new_low)
    assert abs(high - new_high) < 0.1 * (new_high - new_low)


def test_another_size_or_depth_starts_anew():
    levels = SmoothedLevels()
    levels.update(np.full((50, 60), 3000, np.uint16))
    image = np.random.default_rng(0).integers(100, 200, (50, 60), np.uint8)
    assert not levels.fits(image)
    assert levels.update(image) == levels_of(image) == levels.current


def test_noise_alone_stays_in_the_dark_half():
    image = np.random.default_rng(0).poisson(1000, (300, 300)).astype(np.uint16)
    seen = stretched(image, levels_of(image))
    assert np.percentile(seen, 99) < 0.5 and seen.std() < 0.1


@pytest.mark.parametrize("value", [0, 7, 255])
def test_constant_images_are_black(value):
    for dtype, scale in ((np.uint8, 1), (np.uint16, 257)):
        image: Any = np.full((30, 40), value * scale, dtype)
        assert not stretched(image, levels_of(image)).any()


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=30),
    )
)
def test_any_image_gives_pixels_from_0_to_1(image):
    levels = SmoothedLevels().update(image)
    seen = stretched(image, levels)
    assert levels.high - levels.low >= 12
    assert np.isfinite(seen).all() and seen.min() >= 0 and seen.max() <= 1
