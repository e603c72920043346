"""Models by name: built-in, a user's own, and what is said when a name or option is wrong."""

import sys
import textwrap

import numpy as np
import pytest
from pursuit.models.detectors import detector as detectors
from pursuit.models.predictors import predictor as predictors


def test_built_in_models_take_their_options():
    assert detectors.create("blobs", {"diameter_px": 12, "polarity": "dark"}).name == "blobs"
    assert predictors.create("kalman", {"speed_um_s": 3}).name == "kalman"


@pytest.mark.parametrize(
    ("room", "name", "options", "sentence"),
    [
        (
            detectors,
            "blob",
            {},
            "unknown detector 'blob'; did you mean 'blobs'? known: blobs, edges, maskrcnn, "
            "segmenter, ssd, template, watershed, yolo",
        ),
        (
            predictors,
            "xyz",
            {},
            "unknown predictor 'xyz'; known: acceleration, auto, brownian, imm, kalman, lstm",
        ),
        (
            detectors,
            "blobs",
            {"diametre_px": 3},
            "unknown option 'diametre_px' of detector 'blobs'; did you mean 'diameter_px'? known: "
            "diameter_px, max_objects, method, polarity, threshold_sigmas, tolerance",
        ),
        (
            detectors,
            "blobs",
            {"diameter_px": "big"},
            "detector 'blobs' option diameter_px: expected `float`, got `str`",
        ),
        (
            predictors,
            "kalman",
            {"speed_um_s": -1},
            "predictor 'kalman' option speed_um_s: expected `float` > 0.0",
        ),
        (
            detectors,
            "no_such_module_of_mine:thing",
            {},
            "detector 'no_such_module_of_mine:thing' cannot be imported: "
            "No module named 'no_such_module_of_mine'",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(room, name, options, sentence):
    with pytest.raises(ValueError) as refusal:
        room.create(name, options)
    assert str(refusal.value) == sentence


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    source = """
        from pursuit.models.detections import Detections

        class Mine:
            name = "mine"
            def __init__(self, level=3):
                self.level = level
            def detect(self, image):
                return Detections.of([[0, 0, self.level, self.level]])
    """
    (tmp_path / "own_detector.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)
    yield "own_detector"
    sys.modules.pop("own_detector", None)


def test_a_detector_of_ones_own(own_module):
    mine = detectors.create(f"{own_module}:Mine", {"level": 7})
    assert mine.detect(np.zeros((8, 8), np.uint8)).boxes_px.max() == 7
    with pytest.raises(ValueError, match=r"refuses its options: .*'depth'"):
        detectors.create(f"{own_module}:Mine", {"depth": 7})
    with pytest.raises(ValueError, match=r"cannot be imported: .*'Yours'"):
        detectors.create(f"{own_module}:Yours")
