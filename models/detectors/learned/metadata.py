"""What is known of a model file: its card, or what ultralytics wrote into the file itself."""

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from ...card import ModelCard
from ...errors import ModelError
from ...runtimes import Runtime, contents
from .heads import Head, contradiction, head_of, meant_by

_TRIAL_PX = 128
"""Edge of an image on which a model of any size is tried: a multiple of any usual stride."""


class ModelInfo(NamedTuple):
    """A model's card and how far it can be trusted.

    Attributes
    ----------
    has_object_size : bool
        Whether ``card.object_px`` is measured rather than a guess.
    note : str
        For people; empty if there is nothing to say.
    """

    card: ModelCard
    has_object_size: bool
    note: str


def describe(path: Path, runtime: Runtime) -> ModelInfo:
    """Find out what a model is: by ``NAME.json`` beside it, or else by its own metadata.

    Without a card it is run once, to see whether its numbers mean what is taken from them.

    Raises
    ------
    ModelError
        If the card or the metadata disagree with the model, or there are neither.
    DeviceError
        If it cannot be run.
    """
    channels = runtime.inputs[0].shape[1]
    if channels not in (1, 3):
        raise ModelError(
            f"the file {path.name} takes pictures of {channels} channels: use a detector for grey "
            "(1) or colour (3)"
        )
    beside, inside = path.with_suffix(".json"), read_metadata(path)
    if (task := inside.get("task", "detect")) != "detect":
        raise ModelError(
            f"the file {path.name} is for the task {task}: use a detector (task detect)"
        )
    if beside.exists():
        card = ModelCard.read(beside)
        names = len(_names(path, inside)) if "names" in inside else len(card.classes)
        _agree(path, "classes", len(card.classes), names)
        _agree(path, "channels", card.channels, channels)
        shapes = [output.shape for output in runtime.outputs]
        heads = _heads(path, shapes, len(card.classes))
        _agree(path, "head", card.head, card.head if card.head in heads else heads[0])
        return ModelInfo(card, True, "")
    names = _names(path, inside)
    head = _head(path, runtime, inside, len(names))
    try:
        fields = {
            "name": path.stem,
            "architecture": inside.get("description", ""),
            "head": head,
            "classes": names,
            "channels": channels,
            "stride": int(inside.get("stride", 32)),
            "licence": inside.get("license", ""),
            "date": inside.get("date", "")[:10],
        }
        card = msgspec.convert(fields, ModelCard)
    except (ValueError, msgspec.ValidationError) as error:
        raise ModelError(f"the metadata of {path.name} cannot be used: {error}") from error
    note = (
        f"{path.name} has no card beside it: classes are those of its metadata, and the size "
        "of the objects in training is not known"
    )
    return ModelInfo(card, False, note)


def read_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of an ONNX file, without the libraries for it and without the weights.

    ModelError if the file cannot be read or is cut off.
    """
    return contents(path).metadata


def _names(path: Path, metadata: dict[str, str]) -> tuple[str, ...]:
    """Class names from a dict, index to name, or a list, as Python or JSON writes it."""
    if "names" not in metadata:
        raise ModelError(
            f"nothing is known of {path.name}: put its model card beside it as "
            f"{path.with_suffix('.json').name}"
        )
    try:
        names = ast.literal_eval(metadata["names"])
        numbered = names if isinstance(names, dict) else dict(enumerate(names))
        by_number = {int(key): str(name) for key, name in numbered.items()}
        if list(range(len(numbered))) == sorted(by_number):
            return tuple(by_number[number] for number in sorted(by_number))
    except (ValueError, SyntaxError, TypeError) as error:
        raise ModelError(f"the class names in {path.name} cannot be read: {error}") from error
    raise ModelError(
        f"the class names in {path.name} are not numbered from 0 without a gap: "
        f"{', '.join(map(str, names))}; export it with all of its classes"
    )


def _heads(path: Path, outputs: Sequence[tuple[int, ...]], classes: int) -> tuple[Head, ...]:
    try:
        return head_of(outputs, classes)
    except ModelError as error:
        raise ModelError(f"the file {path.name} does not fit: {error}") from error


def _head(path: Path, runtime: Runtime, metadata: dict[str, str], classes: int) -> Head:
    """How a model without a card is read: so that nothing it says of noise contradicts it."""
    _, channels, *sides = runtime.inputs[0].shape
    height, width = (side if side > 0 else _TRIAL_PX for side in sides)
    noise = np.random.default_rng(0).random((1, channels, height, width), np.float32)
    outputs = runtime.run(noise)
    heads = meant_by(metadata, _heads(path, [output.shape for output in outputs], classes))
    against: dict[Head, str] = {}
    for head in heads:
        if not (why := contradiction(outputs, head)):
            return head
        against[head] = why
    reasons = " or ".join(f"as {head}: {why}" for head, why in against.items())
    raise ModelError(
        f"the numbers that {path.name} gives cannot be read {reasons}; export it as a detector "
        "with ultralytics, or put a card beside it"
    )


def _agree(path: Path, what: str, said: object, found: object) -> None:
    if said != found:
        raise ModelError(
            f"the card of {path.name} disagrees with the model: {what} {said} in the card, "
            f"{found} in the model; use the card made with it"
        )
