"""``pursuit bench``: each yardstick is one command.

In: scenarios, movies, annotated images, tracks. Out: tables, and the same numbers in a JSON file.
"""

import typer

from .following import calibrate, empty, follow
from .models import associate, detect, predict
from .movies import movies
from .system import loop, sim, transport
from .track import track

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="Measure following, calibration, detection, tracking, prediction, latency, transport.",
)
COMMANDS = (
    movies,
    track,
    follow,
    calibrate,
    empty,
    associate,
    detect,
    loop,
    sim,
    transport,
    predict,
)
for command in COMMANDS:
    app.command()(command)
