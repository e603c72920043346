"""Models by name: built-in, a user's own, and what is said when a name or option is wrong."""

import sys
import textwrap

import numpy as np
import pytest
from pursuit.models import detectors, plugins, predictors, registry, weights


def test_built_in_models_take_their_options():
    assert detectors.create("blobs", {"diameter_px": 12, "polarity": "dark"}).name == "blobs"
    assert predictors.create("kalman", {"speed_um_s": 3}).name == "kalman"


@pytest.mark.parametrize(
    ("package", "name", "options", "sentence"),
    [
        (
            detectors,
            "blob",
            {},
            "unknown detector 'blob'; did you mean 'blobs'? known: auto, blobs, edges, maskrcnn, "
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
            "segmenter",
            {},
            "detector 'segmenter' needs detector.function: give it with --set "
            "detector.function=VALUE or in the configuration",
        ),
        (
            detectors,
            "no_such_module_of_mine:thing",
            {},
            "the detector 'no_such_module_of_mine:thing' cannot be imported: "
            "no_such_module_of_mine.py is neither in the folder of the configuration (without "
            "one: the current folder) nor installed",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(package, name, options, sentence):
    with pytest.raises(ValueError) as refusal:
        package.create(name, options)
    assert str(refusal.value) == sentence


def test_what_a_detector_needs_besides_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "pursuit.models.detectors.segmenters.maskrcnn", raising=False)
    with pytest.raises(ValueError, match="needs torch and torchvision: pip install torch torchv"):
        detectors.create("maskrcnn", {})


def test_only_weights_for_the_same_task_are_suggested(tmp_path, monkeypatch):
    for name, card in {"yolo": "{}", "lstm": '{"task": "motion"}'}.items():
        (tmp_path / f"{name}.onnx").touch()
        (tmp_path / f"{name}.json").write_text(card)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    for create, name, known in (
        (lambda: predictors.create("lstm", {"model": "gru"}), "gru", ", or one of lstm"),
        (lambda: detectors.create("yolo", {"weights": "yol"}), "yol", ", or one of yolo"),
        (lambda: weights.find("sharp", "defocus"), "sharp", ""),
    ):
        with pytest.raises(ValueError) as refusal:
            create()
        assert str(refusal.value) == f"there are no weights {name!r}: give a file{known}"


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

        class Deep(Mine):
            def __init__(self, depth):
                super().__init__(depth)
            def detect(self, image):
                return looked(image)

        class Deeper(Deep):
            pass

        def looked(image):
            raise ValueError("too dark")
    """
    (tmp_path / "own_detector.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)
    yield "own_detector"
    sys.modules.pop("own_detector", None)


def test_a_detector_of_ones_own(own_module):
    mine = detectors.create(f"{own_module}:Mine", {"level": 7})
    assert mine.detect(np.zeros((8, 8), np.uint8)).boxes_px.max() == 7
    with pytest.raises(ValueError) as refusal:
        detectors.create(f"{own_module}:Mine", {"levle": 7})
    assert str(refusal.value) == (
        "unknown option 'levle' of detector 'own_detector:Mine'; did you mean 'level'? known: level"
    )
    with pytest.raises(ValueError, match=r"'own_detector:Deep' needs detector\.depth: give"):
        detectors.create(f"{own_module}:Deep")
    with pytest.raises(ValueError, match=r"cannot be imported: .*'Yours'"):
        detectors.create(f"{own_module}:Yours")


def test_of_several_in_one_file_the_one_that_failed_is_named(own_module):
    detectors.create(f"{own_module}:Mine")
    inherited = detectors.create(f"{own_module}:Deeper", {"depth": 1})
    with pytest.raises(ValueError) as failed:
        inherited.detect(np.zeros((8, 8), np.uint8))
    start = "The detector 'own_detector:Deeper' failed: ValueError: too dark ("
    assert plugins.failure(failed.value).startswith(start)

    with pytest.raises(ValueError) as failed:
        sys.modules[own_module].looked(None)
    told = plugins.failure(failed.value)
    assert told.startswith("The code in 'own_detector' failed: ValueError: too dark (")


@pytest.fixture
def installed_package(tmp_path, monkeypatch):
    """A distribution as pip would install it, with detectors of its own; not on disk afterwards."""
    source = """
        from pursuit.models.detections import Detections

        from pursuit.models.predictors.filters import Brownian

        class Flatworms:
            name = "flatworms"
            def detect(self, image):
                return Detections.none()

        class Gliding(Brownian):
            name = "gliding"
    """
    (tmp_path / "lab_flatworms.py").write_text(textwrap.dedent(source))
    (tmp_path / "lab_broken.py").write_text("raise RuntimeError('no licence server')\n")
    info = tmp_path / "lab_detectors-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-detectors\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(
        "[pursuit.detectors]\n"
        "flatworms = lab_flatworms:Flatworms\n"
        "blobs = lab_flatworms:Flatworms\n"
        "licensed = lab_broken:Licensed\n"
        "absent = lab_flatworms:Roundworms\n"
        "[pursuit.predictors]\n"
        "gliding = lab_flatworms:Gliding\n"
        "crawling = lab_flatworms:Flatworms\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for module in ("lab_flatworms", "lab_broken"):
        sys.modules.pop(module, None)


def test_an_installed_package_adds_names(installed_package):
    assert detectors.create("flatworms").name == "flatworms"
    assert predictors.create("gliding").name == "gliding"
    with pytest.raises(ValueError, match="predictor 'crawling' has no advance, begin, end"):
        predictors.create("crawling")
    assert {"absent", "flatworms", "licensed", "yolo"} < set(detectors.DETECTORS.names())
    with pytest.raises(ValueError, match="unknown detector 'flatworm'; did you mean 'flatworms'"):
        detectors.create("flatworm")


def test_a_built_in_name_is_not_replaced(installed_package):
    assert detectors.create("blobs").name == "blobs"
    assert detectors.DETECTORS.names().count("blobs") == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("licensed", "lab_broken:Licensed: RuntimeError: no licence server"),
        ("absent", "lab_flatworms:Roundworms: AttributeError: module 'lab_flatworms' has no .*"),
    ],
)
def test_a_package_that_fails_is_named_in_one_sentence(installed_package, name, reason):
    start = f"detector '{name}' of the package lab-detectors cannot be loaded from "
    with pytest.raises(ValueError, match=f"^{start}{reason}$"):
        detectors.create(name)


def test_packages_are_not_searched_for_a_built_in_name(monkeypatch):
    monkeypatch.setattr(registry, "entry_points", lambda **_: pytest.fail("searched"))
    assert detectors.create("blobs").name == "blobs"
