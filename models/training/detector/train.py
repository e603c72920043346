"""From annotated images to a detector: train, export, evaluate, write the card."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import msgspec
import torch

from ...card import DataNote, ModelCard
from ...datasets import AugmentationSettings, Augmented, Dataset, evaluate
from ...detectors.learned import factor_for
from ...errors import ModelError
from ...onnx_file import read_weights, store_float16
from .batch import Batch, batches
from .fine_tuning import load_exported
from .fit import fit
from .ssd import Ssd
from .yolo import Yolo

OnStep = Callable[[int, int, float], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes
    ----------
    arch : str
        ``ssd``, or one of ultralytics' families 8, 11 and 26: ``yolo26n``.
    steps, batch, tile_px : int
        Steps of the optimizer, tiles in each, edge of a tile.
    object_px : float
        Size to which the median object is scaled.
    held_back : float
        Share of the images to judge on.
    strength : AugmentationSettings
        Of the augmentation.
    """

    arch: str = "yolo26n"
    steps: int = 1000
    batch: int = 16
    tile_px: int = 256
    object_px: float = 32.0
    held_back: float = 0.2
    seed: int = 0
    strength: AugmentationSettings = field(default_factory=AugmentationSettings)


def train_detector(
    sources: Sequence[Dataset],
    recipe: Recipe,
    path: Path,
    start: Path | None = None,
    on_step: OnStep = lambda step, steps, loss: None,
) -> ModelCard:
    """Train a detector and write ``path``, an ONNX file, with its card beside it.

    The card says its precision on every source's held-back images.

    Parameters
    ----------
    sources : sequence of Dataset
        Classes of the same name are one class.
    start : Path, optional
        ONNX file of a trained model of the same architecture to begin with.
    on_step : callable
        Told the steps done, of how many, and the loss.
    """
    parts = [source.split(recipe.held_back) for source in sources]
    learned = [learned for learned, _ in parts]
    if not all(len(part) for part in learned):
        raise ModelError("too few images: give every data set at least ten")
    classes = tuple(dict.fromkeys(name for source in sources for name in source.classes))
    if not classes:
        raise ModelError("nothing is annotated in these images: give some with objects as well")
    built = Ssd() if recipe.arch == "ssd" else Yolo(recipe.arch)
    path.parent.mkdir(parents=True, exist_ok=True)
    _train(built, learned, classes, recipe, path, start, on_step)
    card = ModelCard(
        name=path.stem,
        architecture=built.name,
        head=built.head,  # type: ignore[arg-type]
        classes=classes,
        object_px=_sizes_px(learned, recipe.object_px),
        tile_px=recipe.tile_px,
        licence=built.licence,
        data=tuple(DataNote(a.name, len(a), len(b), a.licence) for a, b in parts),
        split=f"{recipe.held_back:.0%} of the groups of images, by a hash of their names",
        date=date.today().isoformat(),
    )
    card.write(path.with_suffix(".json"))
    notes = [_judged(note, path, back) for note, (_, back) in zip(card.data, parts, strict=True)]
    card = msgspec.structs.replace(card, data=tuple(notes))
    card.write(path.with_suffix(".json"))
    return card


def _train(
    built: Ssd | Yolo,
    sources: Sequence[Dataset],
    classes: Sequence[str],
    recipe: Recipe,
    path: Path,
    start: Path | None,
    on_step: OnStep,
) -> None:
    shares = [(source, len(source) ** 0.5) for source in sources]
    tiles = Augmented(
        shares, classes, recipe.object_px, recipe.tile_px, recipe.strength, recipe.seed
    )
    model = built.new(len(classes))
    if start is not None:
        load_exported(model, read_weights(start), Batch.of(tiles, recipe.batch))
    with closing(batches(tiles, recipe.batch)) as made:
        mean = fit(
            model.to("cuda" if torch.cuda.is_available() else "cpu"),
            built.loss,
            made,
            recipe.steps,
            built.learning_rate,
            lambda step, loss: on_step(step, recipe.steps, loss),
        )
    built.export(mean, path, classes, recipe.tile_px)
    store_float16(path)


def _sizes_px(sources: Sequence[Dataset], object_px: float) -> tuple[float, float]:
    """Smallest and largest median size at which a network has seen the objects of a source."""
    medians = [s.object_px * factor_for(s.object_px, object_px) for s in sources]
    return round(min(medians), 1), round(max(medians), 1)


def _judged(note: DataNote, path: Path, held_back: Dataset) -> DataNote:
    if not any(len(sample.boxes_px) for sample in held_back.samples):
        return note
    scores = evaluate(path, held_back)
    rounded = round(scores.map50, 4), round(scores.map50_95, 4)
    return DataNote(note.name, note.images, note.held_back, note.licence, *rounded)
