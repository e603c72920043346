"""Cards of models: what they do, what they were trained on, and how well they do."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import msgspec
from msgspec import Meta

from .errors import ModelError

Share = Annotated[float, Meta(ge=0, le=1)]
Size = Annotated[float, Meta(gt=0)]


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known of a model, kept as ``NAME.json`` beside ``NAME.onnx``."""

    what: ClassVar[str] = "a model card"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a card; ModelError if there is none or it is not one of this kind."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except OSError as error:
            raise ModelError(f"the model card {path} cannot be read: {error.strerror}") from error
        except msgspec.MsgspecError as error:
            raise ModelError(f"the file {path} is not {cls.what}: {error}") from error

    def write(self, path: Path) -> None:
        """Write it, indented for people."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")


class DataNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One source of training images.

    Attributes
    ----------
    images : int
        How many it was trained on.
    held_back : int
        How many it was judged on.
    licence : str
        Of the images; empty if unknown.
    map50, map50_95 : float, optional
        Mean average precision on what was held back.
    """

    name: str
    images: int
    held_back: int = 0
    licence: str = ""
    map50: Share | None = None
    map50_95: Share | None = None


class ModelCard(Card, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What has to be known to use a detector.

    Attributes
    ----------
    architecture : str
        ``yolo26n``, ``ssd`` and so on.
    head : {"yolo", "yolo-nms-free", "yolo-objectness", "rt-detr", "ssd"}
        How its output is read. ``yolo``: (1, 4 + classes, N), boxes as centre and size, to be
        suppressed. ``yolo-nms-free``: (1, N, 6), corners, score, class. ``yolo-objectness``, as
        of YOLO 5 and 7: (1, N, 5 + classes), centre, size, how surely it is an object, and
        shares of the classes in that, to be suppressed. ``rt-detr``: (1, N, 4 + classes), centre
        and size in shares of the input, scores. ``ssd``: corners (1, N, 4) and scores
        (1, N, classes), to be suppressed. All but ``rt-detr`` in input pixels.
    classes : tuple of str
        Names in the order of the output.
    channels : {1, 3}
        Of the input, (1, channels, height, width) float32 from 0 to 1.
    stride : int
        Height and width of the input are multiples of it.
    object_px : (smallest, usual)
        Sizes (roots of the areas of boxes) of the objects as it saw them in training: medians
        of the data set with the smallest and of most. Images are scaled to match.
    tile_px : int
        Edge of the pictures it was trained on.
    licence : str
        Of the weights.
    data : tuple of DataNote
        What it was trained on.
    split : str
        How the images to judge on were held back.
    date : str
        Day it was made, ISO 8601.
    """

    name: str
    architecture: str
    head: Literal["yolo", "yolo-nms-free", "yolo-objectness", "rt-detr", "ssd"]
    classes: Annotated[tuple[str, ...], Meta(min_length=1)]
    channels: Literal[1, 3] = 1
    stride: Annotated[int, Meta(ge=1)] = 32
    object_px: tuple[Size, Size] = (32.0, 32.0)
    tile_px: Annotated[int, Meta(ge=32)] = 320
    licence: str = ""
    data: tuple[DataNote, ...] = ()
    split: str = ""
    date: str = ""
