"""``pursuit train detector``: a detector from annotated images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..options import DATA, ModelOut, read_source
from ..progress import needing_training, plain_console, training_progress

if TYPE_CHECKING:
    from ....models.datasets import Dataset


def detector(
    data: Annotated[list[str] | None, DATA] = None,
    out: ModelOut = Path("detector.onnx"),
    arch: Annotated[
        str, typer.Option(help="yolo26n, yolo11n, yolov8n or their larger kin, or ssd.")
    ] = "yolo26n",
    rendered: Annotated[
        str,
        typer.Option(
            metavar="KIND,...",
            help="Kinds of rendered frames to learn from too (KIND or CLASS=KIND), or all.",
        ),
    ] = "",
    frames: Annotated[int, typer.Option(min=10, help="Rendered frames of each kind.")] = 400,
    start: Annotated[
        str,
        typer.Option(help="Model to begin with: auto (the shipped one), none, or an ONNX file."),
    ] = "auto",
    steps: Annotated[int, typer.Option(min=1, help="Steps of training.")] = 600,
    batch: Annotated[int, typer.Option(min=2, help="Pictures in a step.")] = 16,
    tile_px: Annotated[int, typer.Option(min=64, help="Edge of a picture, in steps of 32.")] = 256,
    object_px: Annotated[
        float, typer.Option(min=8, help="Size at which the network sees typical objects.")
    ] = 32.0,
    scale: Annotated[float, typer.Option(min=1, help="Factor by which sizes are varied.")] = 1.6,
    invert: Annotated[float, typer.Option(min=0, max=1, help="Share of negatives.")] = 0.0,
    held_back: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of the images to judge on.")
    ] = 0.2,
    seed: Annotated[int, typer.Option(help="Of the augmentation.")] = 0,
) -> None:
    """Train a detector on annotated images.

    Example: `pursuit train detector nucleus=my_images --out nuclei.onnx`
    """
    with needing_training():
        from ....models.datasets import AugmentationSettings
        from ....models.training.detector import Recipe, train_detector
    if tile_px % 32:
        raise typer.BadParameter("must be a multiple of 32", param_hint="--tile-px")
    sources = [*map(read_source, data or []), *_rendered(rendered, frames, tile_px)]
    if not sources:
        text = "give folders of annotated images, or --rendered"
        raise typer.BadParameter(text, param_hint="DATA")
    recipe = Recipe(
        arch,
        steps,
        batch,
        tile_px,
        object_px,
        held_back,
        seed,
        AugmentationSettings(scale, invert=invert),
    )
    console = plain_console(stderr=True)
    for source in sources:
        objects = sum(len(sample.boxes_px) for sample in source.samples)
        about = f"{len(source)} images, {objects} objects of {source.object_px:.0f} px"
        console.print(f"{source.name}: {about}: {', '.join(source.classes)}")
    with training_progress(console) as on_step:
        card = train_detector(sources, recipe, out, beginning(start, arch), on_step)
    for note in card.data:
        if note.map50 is not None:
            score = f"mAP50 {note.map50:.3f}, mAP50-95 {note.map50_95:.3f}"
            print(f"{note.name}: {score} on {note.held_back} images held back")
    print(f"{out} written, with its card. Follow with it: pursuit follow --model {out}")


def beginning(start: str, arch: str) -> Path | None:
    """Return the ONNX file that training begins with."""
    from ....models.card import ModelCard
    from ....models.weights import find, shipped

    if start == "none":
        return None
    if start != "auto":
        return find(start)
    cards = {path: ModelCard.read(path.with_suffix(".json")) for path in shipped().values()}
    return next((path for path, card in cards.items() if card.architecture == arch), None)


def _rendered(kinds: str, frames: int, size_px: int) -> list[Dataset]:
    """Rendered data sets of ``KIND`` or ``CLASS=KIND``, separated by commas, or of all kinds."""
    from ....models.errors import ModelError
    from ....sim.rendering import KINDS
    from ...datasets import rendered_dataset

    wanted = KINDS if kinds == "all" else tuple(k.strip() for k in kinds.split(",") if k.strip())
    datasets = []
    for text in wanted:
        name, _, kind = text.rpartition("=")
        if kind not in KINDS:
            known = ", ".join(KINDS)
            raise ModelError(f"no frames of kind {kind!r} can be rendered: use {known}")
        datasets.append(rendered_dataset(kind, frames, size_px, name))
    return datasets
