"""The card of a defocus network: what it was trained on and how well it does."""

from pathlib import Path
from typing import Annotated, Self

from msgspec import Meta

from ..card import Card
from ..errors import ModelError

Positive = Annotated[float, Meta(gt=0)]


class DefocusCard(Card, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What has to be known to use the network, kept as ``NAME.json`` beside ``NAME.onnx``.

    Attributes
    ----------
    name : str
    task : str
        ``"defocus"``.
    trained_on : str
        What the training windows showed, for people.
    most_defocus : float
        The greatest in training, in depths of field.
    spread : float
        Factor on the standard deviations that the network states, from held-back windows.
    rms_px, within_95 : float
        On held-back windows: root mean square error in pixels of blur of its picture, and the
        share of errors within 1.96 standard deviations.
    licence, date : str
    """

    name: str
    task: str = "defocus"
    trained_on: str
    most_defocus: Positive
    spread: Positive = 1.0
    rms_px: Positive
    within_95: Annotated[float, Meta(ge=0, le=1)]
    licence: str = ""
    date: str = ""

    what = "the card of a defocus network"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a card; ModelError if there is none or it is of a network for another task."""
        card = super().read(path)
        if card.task != "defocus":
            raise ModelError(f"{path} is the card of a model for {card.task}, not for defocus")
        return card
