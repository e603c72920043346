"""Segmenters: exact masks from label maps, own functions, watershed, edges, Mask R-CNN."""

import os
import sys
import textwrap
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pursuit.models.detectors.segmenters.edges import Edges, EdgesOptions
from pursuit.models.detectors.segmenters.label_maps import from_labels
from pursuit.models.detectors.segmenters.segmenter import Segmenter, SegmenterOptions
from pursuit.models.detectors.segmenters.watershed import Watershed, WatershedOptions

DATA = Path(os.environ.get("PURSUIT_DATA", Path(__file__).parents[4] / "shared" / "data"))


def built_in(which, **options):
    if which == "watershed":
        return Watershed(WatershedOptions(**options))
    return Edges(EdgesOptions(method=which, **options))


def drawn(found, shape):
    """Label map of the masks put back where their boxes say."""
    labels = np.zeros(shape, int)
    for k, (mask, box) in enumerate(zip(found.masks, found.boxes_px, strict=True), 1):
        left, top, right, bottom = np.rint(box + 0.5).astype(int)
        assert not labels[top:bottom, left:right][mask].any()
        labels[top:bottom, left:right][mask] = k
    return labels


def discs(shape, places):
    """Share of every pixel that discs (x, y, radius) cover, to half a pixel."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    cover = [np.clip(r + 0.5 - np.hypot(x - at_x, y - at_y), 0, 1) for at_x, at_y, r in places]
    return np.max(cover, axis=0)


def test_a_label_map_gives_exact_boxes_masks_centres_and_brightness():
    labels = np.zeros((40, 50), np.int64)
    labels[10:13, 20:24] = 7
    labels[11, 21] = 0
    labels[0, 49] = 10**12
    image = np.full((40, 50), 100, np.uint16)
    image[labels == 7] = 300
    image[labels == 10**12] = 40
    found = from_labels(labels, image)
    np.testing.assert_array_equal(
        found.boxes_px, [[19.5, 9.5, 23.5, 12.5], [48.5, -0.5, 49.5, 0.5]]
    )
    assert found.masks is not None
    np.testing.assert_array_equal(found.masks[0], labels[10:13, 20:24] == 7)
    rows, columns = np.nonzero(labels == 7)
    np.testing.assert_allclose(found.centres_px[0], [columns.mean(), rows.mean()], atol=1e-5)
    np.testing.assert_allclose(found.centres_px[1], [49, 0])
    np.testing.assert_allclose(found.brightness, [11 * 200, 60])
    np.testing.assert_array_equal(found.classes, [0, 0])
    assert len(from_labels(labels, image, polarity="bright")) == 1
    assert len(from_labels(labels, image, diameter_px=3.7)) == 1
    empty = from_labels(np.zeros((40, 50), int), image)
    assert len(empty) == 0 and empty.masks == ()
    assert len(from_labels(np.ones((40, 50), int), image)) == 1


def test_a_centre_leans_to_where_the_signal_is():
    labels = np.zeros((30, 30), int)
    labels[10:15, 10:15] = 1
    image = np.full((30, 30), 50, np.uint8)
    image[10:15, 14] = 250
    np.testing.assert_allclose(from_labels(labels, image).centres_px, [[14, 12]], atol=0.01)


@settings(max_examples=80, deadline=None)
@given(
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=30),
    st.sampled_from([np.uint8, np.int16, np.uint16, np.int64, np.uint64]),
    st.integers(0, 2**32 - 1),
    st.integers(1, 100),
)
def test_any_label_map_comes_back_from_its_masks(shape, kind, seed, most):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, most + 1, shape).astype(kind)
    found = from_labels(labels, rng.integers(0, 256, shape).astype(np.uint8))
    numbers, again = np.unique(labels, return_inverse=True)
    again = again.reshape(shape) + (numbers[0] != 0)
    np.testing.assert_array_equal(drawn(found, shape), again)
    assert ((found.scores >= 0) & (found.scores < 1)).all()
    corners = found.boxes_px
    assert ((found.centres_px > corners[:, :2]) & (found.centres_px < corners[:, 2:])).all()


@pytest.mark.parametrize("which", ["watershed", "canny", "sobel"])
@pytest.mark.parametrize("sign", [1, -1])
def test_discs_are_outlined_to_half_a_pixel(which, sign):
    places = [(40.3, 40.8, 10), (100.6, 44.1, 12), (90.2, 100.4, 8), (0, 110, 10), (159, 159, 12)]
    cover = discs((160, 160), places)
    shading = 2000 + np.linspace(0, 300, 160)
    image = np.random.default_rng(0).normal(shading + sign * 500 * cover, 10).astype(np.uint16)
    polarity = "bright" if sign > 0 else "dark"
    found = built_in(which, diameter_px=20, tolerance=3.0, polarity=polarity).detect(image)
    assert len(found) == len(places)
    labels = drawn(found, image.shape)
    for k, (x, y, radius) in enumerate(places):
        mine = labels == labels[min(int(y), 159), min(int(x), 159)]
        truth = discs(image.shape, [(x, y, radius)]) > 0.5
        assert (mine & truth).sum() > 0.9 * (mine | truth).sum()
        if k < 3:
            at = found.centres_px[labels[int(y), int(x)] - 1]
            np.testing.assert_allclose(at, [x, y], atol=0.2)
            diameter = 2 * np.sqrt(mine.sum() / np.pi)
            assert abs(diameter - 2 * radius) < 1.0


@pytest.mark.parametrize("which", ["watershed", "canny", "sobel"])
def test_touching_bodies_are_cut_at_the_neck(which):
    places = [(40, 60, 15), (67, 60, 15), (92, 68, 15)]
    image = np.random.default_rng(0).normal(100 + 500 * discs((128, 128), places), 5)
    found = built_in(which, diameter_px=30, polarity="bright").detect(image.astype(np.uint16))
    assert len(found) == 3
    labels = drawn(found, (128, 128))
    assert len({int(labels[y, x]) for x, y, _ in places}) == 3
    assert labels[60, 51] != labels[60, 56]


@pytest.mark.parametrize("which", ["watershed", "canny", "sobel"])
def test_nothing_is_found_where_nothing_is(which):
    detector = built_in(which, diameter_px=12)
    for level in (0, 255):
        assert len(detector.detect(np.full((60, 70), level, np.uint8))) == 0
    assert len(detector.detect(np.full((60, 70), 65535, np.uint16))) == 0
    noise = np.random.default_rng(2).poisson(100, (200, 200)).astype(np.uint16)
    assert len(detector.detect(noise)) <= 1


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=40),
    ),
    st.sampled_from(["watershed", "canny", "sobel"]),
    st.sampled_from(["bright", "dark", "both"]),
    st.floats(4, 60),
)
def test_any_image_gives_sound_detections(image, which, polarity, diameter):
    found = built_in(which, polarity=polarity, diameter_px=diameter).detect(image)
    drawn(found, image.shape)
    assert np.isfinite(found.centres_px).all() and np.isfinite(found.brightness).all()


@pytest.fixture
def own(tmp_path, monkeypatch):
    source = """
        import numpy as np

        def bright(image):
            labels = (image > 50).astype(int)
            image[:] = 0
            return labels

        def mask(image): return image > 50
        def cropped(image): return np.zeros((2, 2), int)
        def below(image): return np.full(image.shape, -1)
        def nothing(image): return None
        def fails(image): raise KeyError("nucleus")
        number = 3
    """
    (tmp_path / "own_segmenter.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda name: Segmenter(SegmenterOptions(function=f"own_segmenter:{name}"))
    sys.modules.pop("own_segmenter", None)


def test_a_function_of_ones_own(own):
    image = np.zeros((20, 20), np.uint8)
    image[5:9, 6:12] = 200
    found = own("bright").detect(image)
    np.testing.assert_array_equal(found.boxes_px, [[5.5, 4.5, 11.5, 8.5]])
    assert image.max() == 200


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("mask", "a label map of whole numbers is needed, not bool: scipy.ndimage.label"),
        ("cropped", r"a label map of shape \(20, 20\) is needed, not \(2, 2\)"),
        ("below", "no numbers below it"),
        ("nothing", r"a label map of shape \(20, 20\) is needed"),
        ("fails", "own_segmenter:fails failed with KeyError: 'nucleus'"),
        ("number", "'own_segmenter:number' is not a function"),
        ("missing", "'own_segmenter:missing' cannot be imported"),
    ],
)
def test_what_is_wrong_with_it_is_said_in_one_sentence(own, name, sentence):
    with pytest.raises(ValueError, match=sentence) as refusal:
        own(name).detect(np.zeros((20, 20), np.uint8))
    assert "\n" not in str(refusal.value)


def nuclei(which, name, most):
    """Precision and recall of masks at an overlap of one half."""
    folder = DATA / "stills" / name
    if not folder.exists():
        pytest.skip(f"no real data at {folder}")
    hits = present = shown = 0
    for path in sorted((folder / "images").glob("*.png"))[:: 100 // most][:most]:
        image = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        truth = np.asarray(cv2.imread(str(folder / "labels" / path.name), -1), int)
        found = built_in(which, diameter_px=26, tolerance=2.5, polarity="bright").detect(image)
        labels = drawn(found, image.shape)
        both = np.zeros((len(found) + 1, truth.max() + 1))
        np.add.at(both, (labels.ravel(), truth.ravel()), 1)
        union = both.sum(axis=1, keepdims=True) + both.sum(axis=0) - both
        hits += np.count_nonzero((both / union)[1:, 1:].max(axis=1, initial=0) >= 0.5)
        present, shown = present + len(np.unique(truth)) - 1, shown + len(found)
    return hits / shown, hits / present


@pytest.mark.parametrize(
    ("which", "precision", "recall"),
    [("watershed", 0.93, 0.86), ("canny", 0.9, 0.8), ("sobel", 0.9, 0.75)],
)
def test_real_nuclei(which, precision, recall):
    got = nuclei(which, "bbbc039_nuclei", 5)
    assert got[0] > precision and got[1] > recall


def test_mask_rcnn_from_a_file_of_weights(tmp_path):
    torch, detection = pytest.importorskip("torch"), "torchvision.models.detection"
    detection = pytest.importorskip(detection)
    from pursuit.models.detectors.segmenters.maskrcnn import MaskRCNN, MaskRCNNOptions

    def refused(contents, sentence):
        torch.save(contents, tmp_path / "bad.pt")
        with pytest.raises(ValueError, match=sentence):
            MaskRCNN(MaskRCNNOptions(weights=str(tmp_path / "bad.pt")))

    refused({"run": Path}, "which could run code: save the state_dict")
    refused({"a": torch.zeros(2)}, "holds no Mask R-CNN of torchvision")
    refused(
        {"roi_heads.box_predictor.cls_score.weight": torch.zeros(3, 4)},
        "does not fit torchvision's maskrcnn_resnet50_fpn",
    )
    for contents, sentence in ((b"PK\3\4 cut", "is damaged"), (None, "cannot be read")):
        if contents:
            (tmp_path / "cut.pt").write_bytes(contents)
        with pytest.raises(ValueError, match=sentence):
            MaskRCNN(MaskRCNNOptions(weights=str(tmp_path / ("cut.pt" if contents else "no.pt"))))

    torch.manual_seed(0)
    network = detection.maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=3)
    torch.nn.init.constant_(network.roi_heads.mask_predictor.mask_fcn_logits.bias, 2.0)
    torch.save(network.state_dict(), tmp_path / "good.pt")
    options = MaskRCNNOptions(
        weights=str(tmp_path / "good.pt"), input_px=64, least_score=0.05, max_objects=7
    )
    image = np.random.default_rng(0).integers(0, 4000, (50, 70)).astype(np.uint16)
    found = MaskRCNN(options).detect(image)
    assert found.masks is not None and 0 < len(found) <= 7
    assert set(found.classes) <= {0, 1}
    for mask, (left, top, right, bottom) in zip(found.masks, found.boxes_px, strict=True):
        assert left >= -0.5 and top >= -0.5 and right <= 69.5 and bottom <= 49.5
        assert mask[0].any() and mask[-1].any() and mask[:, 0].any() and mask[:, -1].any()
