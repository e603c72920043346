"""Learned detectors by the names of their architectures: weights found, opened and checked."""

from ... import weights
from ...card import ModelCard
from ...errors import ModelError
from ...runtimes import load
from .learned import LearnedDetector
from .metadata import ModelInfo, describe
from .network import Network
from .options import LearnedOptions, SsdOptions
from .scale import factor_for


class Yolo(LearnedDetector):
    """A YOLO, the shipped one or a user's own, or an RT-DETR; `Head` says which kinds."""

    Options = LearnedOptions

    def __init__(self, options: LearnedOptions | None = None) -> None:
        super().__init__(*_opened(options or LearnedOptions(), "yolo"))


class Ssd(LearnedDetector):
    """An SSD, the shipped one or a user's own."""

    Options = SsdOptions

    def __init__(self, options: LearnedOptions | None = None) -> None:
        super().__init__(*_opened(options or SsdOptions(), "ssd"))


def detector_for(model: str) -> str:
    """Name of the detector for a model, by its card if it has one, else ``yolo``.

    ModelError if there are no such weights, or their card is not one.
    """
    card = weights.find(model).with_suffix(".json")
    return "ssd" if card.exists() and ModelCard.read(card).head == "ssd" else "yolo"


def open_learned(options: LearnedOptions) -> LearnedDetector:
    """Make the detector for the weights that the options name, of whatever architecture.

    ModelError if there are no such weights, or they cannot be used.
    """
    return (Ssd if detector_for(options.weights) == "ssd" else Yolo)(options)


def _opened(options: LearnedOptions, family: str) -> tuple[LearnedOptions, Network, float | None]:
    """Find and load the weights of a detector of a family."""
    path = weights.find(options.weights)
    loaded = load(path, options.runtime)
    runtime = loaded.runtime
    info = describe(path, runtime)
    if (info.card.head == "ssd") is not (family == "ssd"):
        raise ModelError(
            f"the file {path.name} is not of the family {family}: its head is {info.card.head}"
        )
    network = Network(info, runtime, lambda: load(path, "openvino:CPU").runtime)
    network.notes.append(loaded.why)
    return options, network, _factor(options, info)


def _factor(options: LearnedOptions, info: ModelInfo) -> float | None:
    if options.diameter_px is None or not info.has_object_size:
        return None
    smallest, usual = info.card.object_px
    return factor_for(options.diameter_px, usual, smallest)
