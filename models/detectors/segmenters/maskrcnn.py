"""Mask R-CNN by torchvision from a user's weights: the example of a learned segmenter."""

import pickle
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ...arrays import Image
from ...detections import Detections
from ...errors import DeviceError, ModelError
from ...images import checked, levels_of, stretched

try:
    import torch
    from torchvision.models.detection import maskrcnn_resnet50_fpn
except ImportError as error:
    raise ModelError("it needs torch and torchvision: pip install torch torchvision") from error

_CLASSES_OF = "roi_heads.box_predictor.cls_score.weight"
"""Tensor of the state_dict with one row for each class, the background first."""

_INSIDE = 0.5
"""Share from which a pixel belongs to an object, as torchvision's documentation advises."""


class MaskRCNNOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which network, and what of it to believe.

    Other Parameters
    ----------------
    weights : str
        File with the ``state_dict`` of a ``maskrcnn_resnet50_fpn`` of torchvision.
    input_px : int
        The shorter side of an image is scaled to this before the network sees it.
    least_score : float
        Score from which a detection counts.
    max_objects : int
        Of more than that the best are kept.
    """

    weights: str
    input_px: Annotated[int, Meta(ge=32)] = 800
    least_score: Annotated[float, Meta(ge=0, le=1)] = 0.5
    max_objects: Annotated[int, Meta(ge=1)] = 100


class MaskRCNN:
    """Finds objects with masks and classes; class 0 is the network's first that is no background.

    An image is shown in grey from its 0.5th to its 99.8th percentile. Runs on an NVIDIA GPU if
    there is one.
    """

    Options = MaskRCNNOptions
    name = "maskrcnn"

    def __init__(self, options: MaskRCNNOptions) -> None:
        weights = _read(Path(options.weights).expanduser())
        network = maskrcnn_resnet50_fpn(
            weights=None,
            weights_backbone=None,
            num_classes=len(weights[_CLASSES_OF]),
            min_size=options.input_px,
            max_size=4 * options.input_px,
            box_score_thresh=options.least_score,
            box_detections_per_img=options.max_objects,
        )
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise ModelError(
                f"the file {options.weights} does not fit torchvision's maskrcnn_resnet50_fpn: "
                "save the state_dict of that network"
            ) from error
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = network.eval().to(self._device)

    def detect(self, image: Image) -> Detections:
        """Find the objects in an image, as :meth:`.Detector.detect`; DeviceError if that fails."""
        image = checked(image)
        grey = torch.from_numpy(stretched(image, levels_of(image))).to(self._device)
        try:
            with torch.inference_mode():
                out = self._network([grey.expand(3, -1, -1)])[0]
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            raise DeviceError(f"Mask R-CNN failed on {self._device}: {reason}") from error
        masks, scores, labels = (out[key].cpu().numpy() for key in ("masks", "scores", "labels"))
        return from_masks(masks[:, 0] >= _INSIDE, scores, labels - 1)


def from_masks(
    masks: NDArray[np.bool_], scores: NDArray[np.floating], classes: NDArray[np.integer]
) -> Detections:
    """Turn masks of whole images, (N, H, W), which may overlap, into Detections.

    A box is that of the mask's pixels, a centre their centroid; empty masks are dropped.
    """
    rows, columns = (np.asarray(masks.any(axis=axis)) for axis in (2, 1))
    seen = np.flatnonzero(rows.sum(axis=1))
    masks, rows, columns = masks[seen], rows[seen], columns[seen]
    top, left = rows.argmax(axis=1), columns.argmax(axis=1)
    bottom = rows.shape[1] - rows[:, ::-1].argmax(axis=1)
    right = columns.shape[1] - columns[:, ::-1].argmax(axis=1)
    area = masks.sum(axis=(1, 2))
    x = masks.sum(axis=1) @ np.arange(masks.shape[2]) / area
    y = masks.sum(axis=2) @ np.arange(masks.shape[1]) / area
    places = zip(masks, left, top, right, bottom, strict=True)
    return Detections.of(
        np.stack([left, top, right, bottom], axis=1) - 0.5,
        scores[seen],
        classes[seen],
        np.stack([x, y], axis=1),
        masks=[mask[t:b, le:r] for mask, le, t, r, b in places],
    )


def _read(path: Path) -> dict[str, Any]:
    """Read the weights, and nothing that would run code."""
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(f"the weights {path} cannot be read: {error.strerror}") from error
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"the file {path} is damaged or holds more than weights, which could run code: "
            "save the state_dict of the network only"
        ) from error
    except (RuntimeError, EOFError, ValueError) as error:
        raise ModelError(f"the file {path} is damaged or no file of torch.save") from error
    if not isinstance(weights, dict) or not hasattr(weights.get(_CLASSES_OF), "shape"):
        raise ModelError(
            f"the file {path} holds no Mask R-CNN of torchvision: save the state_dict of a "
            "maskrcnn_resnet50_fpn"
        )
    return weights
