"""``pursuit train``: models of one's own.

In: annotated images, tracks or stacks. Out: an ONNX file with its card.
"""

import typer

from .defocus import defocus
from .detector import detector
from .predictor import predictor

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Train models on data of your own.")
for command in (detector, defocus, predictor):
    app.command()(command)
