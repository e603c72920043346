"""``pursuit train``, ``eval`` and ``export``: detectors of one's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..models.training.dataset import Dataset

train_app = typer.Typer(no_args_is_help=True, help="Train models on data of your own.")

_DATA = typer.Argument(
    metavar="DATA...",
    help="Folders with images and labels: label maps, YOLO, Pascal VOC or COCO; "
    "CLASS=FOLDER names the only class of a folder whose labels name none.",
)
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the numbers to this file.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to an app."""
    app.add_typer(train_app, name="train")
    app.command(name="eval")(evaluate)
    app.command()(export)


@train_app.command()
def detector(
    data: Annotated[list[str] | None, _DATA] = None,
    out: Annotated[Path, typer.Option(help="ONNX file to write; its card goes beside it.")] = Path(
        "detector.onnx"
    ),
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
    from rich.console import Console

    with needing_training():
        from ..models.training.augment import Strength
        from ..models.training.train import Recipe, train_detector
    if tile_px % 32:
        raise typer.BadParameter("must be a multiple of 32", param_hint="--tile-px")
    sources = [*map(read_source, data or []), *_rendered(rendered, frames, tile_px)]
    if not sources:
        text = "give folders of annotated images, or --rendered"
        raise typer.BadParameter(text, param_hint="DATA")
    recipe = Recipe(
        arch, steps, batch, tile_px, object_px, held_back, seed, Strength(scale, invert=invert)
    )
    console = Console(stderr=True)
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


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="ONNX file or shipped model.")],
    data: Annotated[list[str], _DATA],
    held_back: Annotated[
        float | None,
        typer.Option(help="Judge only on this share, the one that training with it held back."),
    ] = None,
    runtime: Annotated[str, typer.Option(help="What computes the network.")] = "auto",
    json_file: JsonFile = None,
) -> None:
    """Mean average precision of a detector on annotated images.

    Example: `pursuit eval nuclei.onnx nucleus=more_images --json scores.json`
    """
    from rich.console import Console
    from rich.progress import Progress

    from ..models.training.judge import judge
    from ..models.weights import find

    rows = []
    for source in map(read_source, data):
        judged = source if held_back is None else source.split(held_back)[1]
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(source.name, total=len(judged))
            scores = judge(
                find(model),
                judged,
                runtime,
                lambda done, total, p=progress, t=task: p.update(t, completed=done),
            )
        per_class = {
            name: {"map50": one.map50, "map50_95": one.map50_95, "objects": one.objects}
            for name, one in scores.per_class.items()
        }
        rows.append(
            {
                "data": source.name,
                "images": len(judged),
                "map50": scores.map50,
                "map50_95": scores.map50_95,
                "per_class": per_class,
            }
        )
        _print_scores(rows[-1])
    if json_file is not None:
        content: dict[str, Any] = rows[0] if len(rows) == 1 else {"data": rows}
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps({"model": model, **content}, indent=2) + "\n", "utf-8")


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="ONNX file or shipped model.")],
    runtime: Annotated[str, typer.Option(help="openvino, onnx, tensorrt or torch.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path(),
) -> None:
    """Write a model in the form that a runtime loads fastest.

    Example: `pursuit export yolo --runtime openvino --out exported`
    """
    from ..models.export import export_model
    from ..models.weights import find

    for path in export_model(find(model), runtime, out):
        print(path)


def read_source(text: str) -> Dataset:
    """Read the data set that an argument names.

    Raises
    ------
    ModelError
        If there is none, or it does not fit.
    """
    from ..models.training.readers import read_dataset

    name, equals, folder = text.partition("=")
    if equals and not Path(text).exists():
        return read_dataset(Path(folder), name)
    return read_dataset(Path(text))


def beginning(start: str, arch: str) -> Path | None:
    """Return the ONNX file that training begins with."""
    from ..models.card import ModelCard
    from ..models.weights import find, shipped

    if start == "none":
        return None
    if start != "auto":
        return find(start)
    cards = {path: ModelCard.read(path.with_suffix(".json")) for path in shipped().values()}
    return next((path for path, card in cards.items() if card.architecture == arch), None)


@contextmanager
def needing_training() -> Iterator[None]:
    """Turn a missing package into a sentence."""
    from ..models.errors import ModelError

    try:
        yield
    except ImportError as error:
        raise ModelError(
            f'training needs {error.name}, which is not installed: pip install "pursuit[train]"'
        ) from error


def _rendered(kinds: str, frames: int, size_px: int) -> list[Dataset]:
    """Rendered data sets of ``KIND`` or ``CLASS=KIND``, separated by commas, or of all kinds."""
    from ..models.errors import ModelError
    from ..sim.render import KINDS
    from .rendered import rendered_dataset

    wanted = KINDS if kinds == "all" else tuple(k.strip() for k in kinds.split(",") if k.strip())
    datasets = []
    for text in wanted:
        name, _, kind = text.rpartition("=")
        if kind not in KINDS:
            known = ", ".join(KINDS)
            raise ModelError(f"no frames of kind {kind!r} can be rendered: use {known}")
        datasets.append(rendered_dataset(kind, frames, size_px, name))
    return datasets


@contextmanager
def training_progress(console: Any) -> Iterator[Callable[[int, int, float], None]]:
    """Show the steps of a training and its loss."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    what, count = TextColumn("{task.description}"), TextColumn("{task.completed}/{task.total}")
    with Progress(what, BarColumn(), count, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("training", total=None)

        def on_step(step: int, steps: int, loss: float) -> None:
            text = "judging" if step == steps else f"training, loss {loss:.2f}"
            progress.update(task, completed=step, total=steps, description=text)

        yield on_step


def _print_scores(row: dict[str, Any]) -> None:
    print(f"{row['data']}, {row['images']} images: {_scores_text(row)}")
    if len(row["per_class"]) > 1:
        for name, one in row["per_class"].items():
            print(f"  {name}: {_scores_text(one)}")


def _scores_text(scores: dict[str, Any]) -> str:
    return f"mAP50 {scores['map50']:.4f}, mAP50-95 {scores['map50_95']:.4f}"
