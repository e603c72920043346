"""What is pointed at is followed by whatever sees it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pursuit.models.detections import Detections
from pursuit.models.detectors import SupportsPointing, Window, auto
from pursuit.models.detectors.auto import Auto
from pursuit.models.detectors.learned import LearnedOptions
from pursuit.models.detectors.template import Template

SIDE_PX = 256


class Network:
    """In the place of a learned detector: finds what it was told."""

    card = None

    def __init__(self, boxes_px: list[list[float]]) -> None:
        self.boxes_px = np.reshape(np.array(boxes_px, np.float32), (-1, 4))
        self.notes: list[str] = []

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        return Detections.of(self.boxes_px, np.full(len(self.boxes_px), 0.3))

    def detect_within(self, image: NDArray[np.uint8], window: Window) -> Detections:
        return self.detect(image)

    def warm_up(self, height: int, width: int) -> None: ...

    def point_at(self, point_px: tuple[float, float]) -> None: ...


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network([])
    monkeypatch.setattr(auto, "open_learned", lambda options: network)
    return network


def picture(at_px: tuple[int, int], radius_px: int, grey: float) -> NDArray[np.uint8]:
    """A disc on an even ground, with noise."""
    image = np.full((SIDE_PX, SIDE_PX), 100, np.float32)
    cv2.circle(image, at_px, radius_px, grey, -1)
    noise = np.random.default_rng(2).normal(0, 4, image.shape)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 1) + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template to which all is noise."""
    monkeypatch.setattr(Template, "detect", lambda template, image: Detections.none())


@pytest.mark.parametrize("grey", [40.0, 180.0])
def test_what_the_network_does_not_find_is_followed_by_its_appearance(
    opened: Network, grey: float
) -> None:
    detector = Auto(LearnedOptions())
    for number, at_px in enumerate([(90, 150), (110, 130)]):
        if not number:
            detector.point_at(at_px)
        found = detector.detect(picture(at_px, 8, grey))
        assert np.hypot(*(found.centres_px - at_px).T).max() < 1
    assert "template" in detector.notes[0]
    assert len(detector.notes) == 1


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("radius_px", [3, 8, 20])
@pytest.mark.parametrize("grey", [40.0, 180.0])
def test_what_a_template_does_not_see_either_is_found_with_its_own_size_and_polarity(
    opened: Network, radius_px: int, grey: float
) -> None:
    detector = Auto(LearnedOptions())
    detector.point_at((90, 150))
    found = detector.detect(picture((90, 150), radius_px, grey))
    away_px = np.hypot(*(found.centres_px - (90, 150)).T)
    nearest = int(away_px.argmin())
    assert away_px[nearest] < 1
    size_px = float(np.sqrt(found.sizes_px[nearest].prod()))
    assert 0.6 < size_px / (2 * radius_px) < 1.7
    assert "finds nothing at the point: blobs" in detector.notes[0]
    moved = detector.detect(picture((110, 130), radius_px, grey))
    assert np.hypot(*(moved.centres_px - (110, 130)).T).min() < 1
    assert len(detector.notes) == 1


def test_what_the_network_finds_is_left_to_it(opened: Network) -> None:
    opened.boxes_px = np.array([[80, 140, 100, 160]], np.float32)
    detector = Auto(LearnedOptions())
    detector.point_at((92, 149))
    found = detector.detect(picture((90, 150), 8, 180.0))
    assert found.scores.tolist() == pytest.approx([0.3])
    assert detector.notes == ["the network sees what is pointed at: 20 px large"]
    detector.point_at((92, 149))
    detector.detect(picture((90, 150), 8, 180.0))
    assert len(detector.notes) == 1


def nucleus(spots_px: list[tuple[int, int]]) -> NDArray[np.uint8]:
    """A disc that fills much of the picture, with bright spots in it."""
    image = np.full((SIDE_PX, SIDE_PX), 20, np.float32)
    cv2.circle(image, (SIDE_PX // 2, SIDE_PX // 2), 110, 80, -1)
    for at_px in spots_px:
        cv2.circle(image, at_px, 3, 220, -1)
    noise = np.random.default_rng(2).normal(0, 2, image.shape)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 1) + noise, 0, 255).astype(np.uint8)


def test_of_what_fills_the_field_a_spot_that_is_pointed_at_is_followed(opened: Network) -> None:
    opened.boxes_px = np.array([[18, 18, 238, 238]], np.float32)
    detector = Auto(LearnedOptions())
    detector.point_at((100, 120))
    found = detector.detect(nucleus([(100, 120), (150, 150)]))
    assert found.centres_px.tolist() == [pytest.approx((100, 120), abs=1)]
    assert "something of 220 px" in detector.notes[0]


def test_what_fills_the_field_with_nothing_smaller_in_it_is_left_to_the_network(
    opened: Network,
) -> None:
    opened.boxes_px = np.array([[18, 18, 238, 238]], np.float32)
    detector = Auto(LearnedOptions())
    detector.point_at((118, 120))
    assert detector.detect(nucleus([])).boxes_px.tolist() == opened.boxes_px.tolist()
    assert "220 px large, and the field 256 px" in detector.notes[0]


def test_the_look_that_decided_is_what_was_found(
    opened: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second one, in the whole image, may prefer a twin."""
    looks: list[Detections] = []
    look = Template.detect

    def counted(template: Template, image: NDArray[np.uint8]) -> Detections:
        looks.append(look(template, image))
        return looks[-1]

    monkeypatch.setattr(Template, "detect", counted)
    detector = Auto(LearnedOptions())
    detector.point_at((100, 120))
    assert detector.detect(nucleus([(100, 120), (150, 150)])) is looks[0]
    assert len(looks) == 1


def test_a_box_beside_the_point_is_of_something_else(opened: Network) -> None:
    opened.boxes_px = np.array([[120, 140, 140, 160]], np.float32)
    detector = Auto(LearnedOptions())
    detector.point_at((90, 150))
    found = detector.detect(picture((90, 150), 8, 180.0))
    assert np.hypot(*(found.centres_px - (90, 150)).T).min() < 1


def test_between_two_that_touch_the_network_is_believed_and_not_their_common_look(
    opened: Network,
) -> None:
    """The point is on the bodies of both, but in the middle of neither."""
    opened.boxes_px = np.array([[80, 140, 100, 160], [100, 140, 120, 160]], np.float32)
    detector = Auto(LearnedOptions())
    detector.point_at((100, 150))
    both = np.maximum(picture((90, 150), 9, 180.0), picture((110, 150), 9, 180.0))
    assert len(detector.detect(both)) == 2
    assert detector.notes == ["the network sees what is pointed at: 20 px large"]


def test_the_end_of_a_long_body_is_seen_by_the_network_and_what_lies_beside_it_is_not(
    opened: Network,
) -> None:
    """The bar is 12 px wide and lies askew in its box; the disc lies in a corner of that box."""
    image = np.full((SIDE_PX, SIDE_PX), 100, np.float32)
    cv2.line(image, (60, 60), (160, 130), 180.0, 12)
    cv2.circle(image, (148, 72), 6, 180.0, -1)
    rng = np.random.default_rng(2)
    image = cv2.GaussianBlur(image, (0, 0), 1) + rng.normal(0, 4, image.shape)
    bar = np.clip(image, 0, 255).astype(np.uint8)
    opened.boxes_px = np.array([[54, 54, 166, 136]], np.float32)
    for at_px, says in [((157, 128), "the network sees"), ((148, 72), "the network finds nothing")]:
        detector = Auto(LearnedOptions())
        detector.point_at(at_px)
        detector.detect(bar)
        assert detector.notes[-1].startswith(says)


def test_a_bud_on_a_larger_cell_is_itself(opened: Network) -> None:
    """What is connected with it is both, and fills the box of the larger one."""
    image = np.full((SIDE_PX, SIDE_PX), 100, np.float32)
    cv2.circle(image, (130, 130), 30, 180.0, -1)
    cv2.circle(image, (157, 103), 8, 150.0, -1)
    opened.boxes_px = np.array([[100, 100, 160, 160], [149, 95, 165, 111]], np.float32)
    detector = Auto(LearnedOptions())
    detector.point_at((157, 103))
    detector.detect(np.clip(cv2.GaussianBlur(image, (0, 0), 1), 0, 255).astype(np.uint8))
    assert detector.notes == ["the network sees what is pointed at: 16 px large"]


def test_of_background_in_the_box_of_what_fills_the_field_nothing_is_said(
    opened: Network,
) -> None:
    image = np.full((SIDE_PX, SIDE_PX), 100, np.float32)
    cv2.line(image, (40, 40), (216, 216), 180.0, 12)
    opened.boxes_px = np.array([[34, 34, 222, 222]], np.float32)
    detector = Auto(LearnedOptions())
    detector.point_at((205, 100))
    detector.detect(np.clip(cv2.GaussianBlur(image, (0, 0), 1), 0, 255).astype(np.uint8))
    assert not [note for note in detector.notes if "sees what is pointed at" in note]


@pytest.mark.usefixtures("blind")
def test_a_size_that_is_told_is_the_only_one_tried(opened: Network) -> None:
    detector = Auto(LearnedOptions(diameter_px=40))
    detector.point_at((90, 150))
    detector.detect(picture((90, 150), 20, 180.0))
    assert "40 px" in detector.notes[0]


def test_a_point_outside_of_the_image_and_an_empty_image_decide_nothing(opened: Network) -> None:
    detector = Auto(LearnedOptions())
    detector.point_at((-20, 150))
    assert len(detector.detect(picture((90, 150), 8, 180.0))) == 0
    empty = np.full((SIDE_PX, SIDE_PX), 100, np.uint8)
    for _ in range(3):
        detector.point_at((90, 150))
        assert len(detector.detect(empty)) == 0
    assert detector.notes == []
    found = Detections.none()
    for _ in range(10):
        detector.point_at((90, 150))
        found = detector.detect(picture((90, 150), 8, 180.0))
    assert np.hypot(*(found.centres_px - (90, 150)).T).min() < 1
    assert len(detector.notes) == 1


def test_until_something_is_pointed_at_the_network_looks(opened: Network) -> None:
    opened.boxes_px = np.array([[1, 2, 3, 4]], np.float32)
    detector = Auto(LearnedOptions())
    image = picture((90, 150), 8, 180.0)
    assert len(detector.detect(image)) == 1
    assert len(detector.detect_within(image, Window((128, 128), 20))) == 1
    assert isinstance(detector, SupportsPointing)
