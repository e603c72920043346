"""Options of a learned detector: its weights, and which of its detections are wanted."""

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ...card import ModelCard
from ...errors import ModelError

DEFAULT_SCORE = 0.25
"""Least score of a class. As in ultralytics' predictions."""

Share = Annotated[float, Meta(ge=0, le=1)]


class LearnedOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to look for, and with what.

    Attributes
    ----------
    weights : str
        Name of a shipped model, or an ONNX file; its card lies beside it as ``NAME.json``.
    classes : tuple of str, optional
        Names of the classes that are wanted; all if not given.
    score : float or dict of str to float
        Least score, for all classes or by name, as in ``{ cell = 0.4, spot = 0.2 }``; those not
        named have 0.25.
    diameter_px : float, optional
        Typical size of the objects, root of the area of their boxes; found out if not given.

    Other Parameters
    ----------------
    runtime : str
        What computes the network: ``auto``, ``tensorrt``, ``openvino``, ``onnx`` or ``torch``,
        if wanted with a device, as in ``openvino:GPU``.
    iou : float
        Overlap from which two boxes of one class are one object.
    max_objects : int
        Of more than that the surest are kept.
    tile_px : int
        Larger images, as the network is shown them, are cut into tiles of at most that.
    """

    weights: str = "yolo"
    runtime: str = "auto"
    classes: Annotated[tuple[str, ...], Meta(examples=[("cell",)])] | None = None
    score: Share | dict[str, Share] = DEFAULT_SCORE
    diameter_px: Annotated[float, Meta(ge=2, examples=[32.0])] | None = None
    iou: Share = 0.5
    max_objects: Annotated[int, Meta(ge=1)] = 1000
    tile_px: Annotated[int, Meta(ge=128)] = 1024


class SsdOptions(LearnedOptions, frozen=True, forbid_unknown_fields=True):
    """As :class:`LearnedOptions`, with the shipped SSD."""

    weights: str = "ssd"


def least_scores(options: LearnedOptions, card: ModelCard) -> NDArray[np.float32]:
    """Least score of every class of the model, infinite for those that are not wanted.

    ModelError if the model does not know a wanted class.
    """
    given = options.score if isinstance(options.score, dict) else {}
    wanted = card.classes if options.classes is None else options.classes
    for name in (*wanted, *given):
        if name not in card.classes:
            known = ", ".join(card.classes)
            raise ModelError(f"the model {card.name} knows no class {name!r}; it knows {known}")
    usual = DEFAULT_SCORE if isinstance(options.score, dict) else options.score
    least = [given.get(name, usual) if name in wanted else np.inf for name in card.classes]
    return np.array(least, np.float32)
