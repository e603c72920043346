"""``pursuit eval``: how well a detector finds what is annotated."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from ..options import DATA, JsonFile, read_source
from ..progress import progress

SIZES = ("found", "told")
"""Whether the detector finds out the size of the objects, or is told it."""


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="ONNX file or shipped model.")],
    data: Annotated[list[str], DATA],
    held_back: Annotated[
        float | None,
        typer.Option(help="Judge only on this share, the one that training with it held back."),
    ] = None,
    size: Annotated[
        str,
        typer.Option(
            metavar="found|told|both",
            help="Whether the detector is told the typical size of the data set's objects, or "
            "finds out that of each image.",
        ),
    ] = "told",
    runtime: Annotated[str, typer.Option(help="What computes the network.")] = "auto",
    json_file: JsonFile = None,
) -> None:
    """Mean average precision of a detector on annotated images.

    Example: `pursuit eval nuclei.onnx nucleus=more_images --json scores.json`
    """
    from ....models.datasets import evaluate as score
    from ....models.errors import ModelError
    from ....models.weights import find
    from ...configuration import written_whole

    if size not in (*SIZES, "both"):
        raise typer.BadParameter(f"--size is one of {', '.join(SIZES)}, both")
    sizes = SIZES if size == "both" else (size,)
    rows = []
    for source in map(read_source, data):
        judged = source if held_back is None else source.split(held_back)[1]
        if not any(len(sample.boxes_px) for sample in judged.samples):
            raise ModelError(
                f"there is no object in the {len(judged)} images of {source.name} that are judged "
                "on: without any there is no precision; give others"
            )
        for one in sizes:
            with progress(source.name, len(judged)) as on_progress:
                scores = score(find(model), judged, runtime, on_progress, one == "told")
            about = {"data": source.name, "images": len(judged), "size": one}
            rows.append(about | asdict(scores))
            _print_scores(rows[-1])
    if json_file is not None:
        content: dict[str, Any] = rows[0] if len(rows) == 1 else {"data": rows}
        with written_whole(json_file) as (part,):
            part.write_text(json.dumps({"model": model, **content}, indent=2) + "\n", "utf-8")


def _print_scores(row: dict[str, Any]) -> None:
    print(f"{row['data']}, {row['images']} images, size {row['size']}: {_scores_text(row)}")
    if len(row["per_class"]) > 1:
        for name, one in row["per_class"].items():
            print(f"  {name}: {_scores_text(one)}")


def _scores_text(scores: dict[str, Any]) -> str:
    return f"mAP50 {scores['map50']:.4f}, mAP50-95 {scores['map50_95']:.4f}"
