"""The card of a defocus network: what it was trained on and how well it does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from ..errors import ModelError

Positive = Annotated[float, Meta(gt=0)]


class DefocusCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Description of a network and how to use it, as ``NAME.json`` beside ``NAME.onnx``.

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

    @classmethod
    def read(cls, path: Path) -> DefocusCard:
        """Read a card.

        Raises
        ------
        ModelError
            If there is none or it is not one of a defocus network.
        """
        try:
            card = msgspec.json.decode(path.read_bytes(), type=cls)
        except OSError as error:
            raise ModelError(f"the model card {path} cannot be read: {error.strerror}") from error
        except msgspec.MsgspecError as error:
            raise ModelError(f"{path} is not the card of a defocus network: {error}") from error
        if card.task != "defocus":
            raise ModelError(f"{path} is the card of a model for {card.task}, not for defocus")
        return card

    def write(self, path: Path) -> None:
        """Write it, indented for people."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")
