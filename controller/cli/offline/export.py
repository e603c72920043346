"""``pursuit export``: a model in the form that a runtime, or another program, loads directly."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="ONNX file or shipped model.")],
    runtime: Annotated[str, typer.Option(help="openvino, onnx, tensorrt or torch.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path(),
) -> None:
    """Write a model in the form that a runtime loads fastest.

    Example: `pursuit export yolo --runtime openvino --out exported`
    """
    from ....models.export import export_model
    from ....models.weights import find

    for path in export_model(find(model), runtime, out):
        print(path)
