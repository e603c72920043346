"""The card of a learned predictor: what it was trained on and how well it does."""

from typing import Literal

import msgspec

from ...card import Card, Share


class TracksNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One source of tracks.

    Attributes
    ----------
    tracks, held_back : int
        Numbers of tracks that it was trained on and evaluated on.
    licence : str
        Of the tracks; empty if unknown.
    error : float, optional
        On held-back tracks, over horizons up to 24 frames: root of the mean over the tracks of the
        squared error over that of staying where the object was last measured.
    coverage95 : float, optional
        Share of the true positions inside the ellipse that should hold 95 %.
    """

    name: str
    tracks: int
    held_back: int
    licence: str = ""
    error: float | None = None
    coverage95: Share | None = None


class PredictorCard(Card, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known of a learned predictor, kept as ``NAME.json`` beside ``NAME.onnx``.

    Attributes
    ----------
    task : "motion"
        Distinguishes the card from those of other networks.
    architecture : str
        ``lstm``, ``gru`` or ``tcn``.
    hidden : int
        Size of its hidden state.
    steps : int
        Steps of training.
    licence : str
        Of the weights.
    data : tuple of TracksNote
        What it was trained on.
    not_trained_on : str
        Motions that were kept out of training.
    date : str
        Day it was made, ISO 8601.
    """

    name: str
    task: Literal["motion"] = "motion"
    architecture: str
    hidden: int
    steps: int
    licence: str = ""
    data: tuple[TracksNote, ...] = ()
    not_trained_on: str = ""
    date: str = ""
