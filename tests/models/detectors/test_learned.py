"""The learned detector: options, scale, and trouble while it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from pursuit.models.card import ModelCard
from pursuit.models.detectors import Window, create
from pursuit.models.detectors.learned.centres import centres_and_brightness
from pursuit.models.detectors.learned.learned import LearnedDetector
from pursuit.models.detectors.learned.metadata import ModelInfo
from pursuit.models.detectors.learned.network import Network
from pursuit.models.detectors.learned.options import LearnedOptions
from pursuit.models.errors import DeviceError, ModelError
from pursuit.models.runtimes.runtime import Tensor
from scipy.ndimage import find_objects, label

CARD = ModelCard(
    name="fake",
    architecture="fake",
    head="yolo-nms-free",
    classes=("small", "large"),
    stride=16,
    object_px=(15.0, 25.0),
)


def numbered(mask):
    return cast(tuple, label(mask))[0]


@dataclass
class Discs:
    """Stands for a network trained on discs of 20 pixels: the less alike, the less sure."""

    name: str = "fake"
    device: str = "a processor"
    inputs: tuple = (Tensor("input", (1, 1, -1, -1)),)
    outputs: tuple = (Tensor("output", (1, -1, 6)),)
    fails: bool = False
    closed: bool = False
    warmed: list = field(default_factory=list)

    def run(self, pixels):
        if self.fails:
            raise DeviceError("the device is out of memory")
        rows = []
        for y, x in find_objects(numbered(pixels[0, 0] > 0.6)):
            size = ((y.stop - y.start) * (x.stop - x.start)) ** 0.5
            score = np.exp(-(np.log2(size / 20) ** 2))
            rows.append([x.start, y.start, x.stop, y.stop, score, size > 21])
        return [np.array(rows, np.float32).reshape(1, -1, 6)]

    def warm_up(self, height, width):
        self.warmed.append((height, width))

    def close(self):
        self.closed = True


def learned(
    factor: float | None = 1.0,
    runtime: Discs | None = None,
    on_cpu: Callable[[], Discs] = Discs,
    has_card: bool = True,
    **options: object,
) -> LearnedDetector:
    network = Network(ModelInfo(CARD, has_card, ""), runtime or Discs(), on_cpu)
    return LearnedDetector(msgspec.convert(options, LearnedOptions), network, factor)


def discs(diameter, shape=(300, 400), count=6, level=200, dtype: type = np.uint16):
    """Image of discs in a row and their centres."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    centres = np.column_stack(
        [(np.arange(count) + 0.5) * shape[1] / count, np.full(count, shape[0] / 2 + 0.3)]
    )
    image = np.full(shape, float(level))
    for cx, cy in centres:
        image += 5 * level * np.clip(diameter / 2 + 0.5 - np.hypot(x - cx, y - cy), 0, 1)
    return np.random.default_rng(0).poisson(image).astype(dtype), centres


def test_a_given_diameter_fixes_the_scale():
    detector = learned(factor=15 / 10, diameter_px=10)
    found = detector.detect(discs(10)[0])
    assert detector.factor == pytest.approx(1.5, rel=0.05) and len(found) == 6


@pytest.mark.parametrize(("told", "noted"), [(20, False), (28, False), (60, True), (5, True)])
def test_a_diameter_that_is_far_off_is_noted_once(told, noted):
    """Of discs of 20 px; whatever is told, they are shown alike here."""
    detector = learned(diameter_px=told)
    for _ in range(5):
        assert len(detector.detect(discs(20, count=6)[0])) == 6
    assert len(detector.notes) == noted
    if noted:
        (note,) = detector.notes
        assert f"the diameter is set to {told} px" in note and "shown to the network" in note


def test_brightness_is_the_signal_above_the_surroundings():
    image, _ = discs(20, count=4)
    found = learned().detect(image)
    np.testing.assert_allclose(found.brightness, 1000 * np.pi * 10**2, rtol=0.05)
    dark = (2500 - image).astype(np.uint16)
    np.testing.assert_allclose(
        centres_and_brightness(dark, found.boxes_px)[1], found.brightness, rtol=1e-3
    )
    assert not centres_and_brightness(image[:20, :20], np.array([[-0.5, -0.5, 19.5, 19.5]], "f4"))[
        1
    ].any()


def test_classes_and_scores_can_be_chosen():
    image = np.maximum(discs(18, count=3)[0], discs(24, (300, 400), 2)[0])
    every = learned().detect(image)
    assert set(every.classes) == {0, 1}
    assert set(learned(classes=["large"]).detect(image).classes) == {1}
    assert set(learned(score={"large": 1.0}).detect(image).classes) == {0}
    assert len(learned(max_objects=2).detect(image)) == 2
    best = every.scores.max()
    assert learned(max_objects=1).detect(image).scores[0] == best


def test_an_unknown_class_is_named_with_those_known():
    wrong: list[dict[str, Any]] = [{"classes": ["huge"]}, {"score": {"huge": 0.5}}]
    for options in wrong:
        with pytest.raises(ModelError, match="no class 'huge'; it knows small, large"):
            learned(**options)


@pytest.mark.parametrize(
    "options", [{"score": 1.5}, {"diameter_px": 0}, {"iou": -1}, {"max_objects": 0}]
)
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=f"detector 'yolo' option {next(iter(options))}"):
        create("yolo", options)


def test_a_device_that_fails_is_replaced_by_the_processor():
    image, _ = discs(20)
    runtime = Discs(fails=True)
    detector = learned(runtime=runtime)
    assert len(detector.detect(image)) == 6
    assert runtime.closed
    assert detector.notes == ["detecting on a processor from now on: the device is out of memory"]
    with pytest.raises(DeviceError, match="out of memory"):
        learned(runtime=Discs(fails=True), on_cpu=lambda: Discs(fails=True)).detect(image)


def test_images_that_show_nothing_give_nothing():
    detector = learned(factor=None)
    rng = np.random.default_rng(0)
    for image in (
        np.zeros((70, 90), np.uint8),
        np.full((70, 90), 65535, np.uint16),
        rng.poisson(500, (200, 200)).astype(np.uint16),
        np.zeros((1, 1), np.uint16),
    ):
        assert len(detector.detect(image)) == 0
        assert len(detector.detect_within(image, Window((5, 5), 20))) == 0


@pytest.mark.parametrize("image", [np.zeros((4, 4)), np.zeros((4, 4, 3), np.uint8)])
def test_what_is_no_camera_image_is_refused(image):
    for look in (learned().detect, lambda it: learned().detect_within(it, Window((1, 1), 2))):
        with pytest.raises(ValueError, match=r"needs an image \(H, W\) of uint8 or uint16"):
            look(image)


def test_eight_and_sixteen_bits_look_alike():
    image, _ = discs(20, level=20, dtype=np.uint8)
    np.testing.assert_array_equal(
        learned().detect(image).boxes_px, learned().detect(image.astype(np.uint16) * 200).boxes_px
    )


def test_sizes_to_come_are_prepared():
    runtime = Discs()
    learned(runtime=runtime).warm_up(300, 400)
    assert runtime.warmed == [(128, 128), (192, 192), (256, 256), (304, 400)]
