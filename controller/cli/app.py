"""The ``pursuit`` command: what it consists of, and how it ends."""

from __future__ import annotations

import signal
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from . import train
from .bench import app as bench
from .detect import detect
from .evaluate import evaluate
from .export import export
from .follow import follow
from .init import init
from .microscope import microscope
from .models import models
from .options import fail
from .record import record
from .track import track


class _Commands(TyperGroup):
    """Commands whose errors are one sentence if a user can cause them, instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            from ...drivers.microscope import MicroscopeError
            from ...models.errors import ModelError
            from ..configuration import ConfigError, as_sentence
            from ..session import ProcessError

            try:
                return super().invoke(ctx)
            except ModelError as error:
                fail(as_sentence(error))
            except (
                ConfigError,
                MicroscopeError,
                ProcessError,
                FileExistsError,
            ) as error:
                fail(str(error))
            except PermissionError as error:
                fail(f"{error.filename} may not be written: choose another folder with --out.")
        except KeyboardInterrupt:
            fail("Stopped by the user.")


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Makes a microscope follow living things.",
)

app.add_typer(bench, name="bench")
app.add_typer(train.app, name="train")
app.command(name="eval")(evaluate)
for command in (export, detect, models, track, follow, microscope, record, init):
    app.command()(command)


def _end_like_ctrl_c(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command."""
    signal.signal(signal.SIGTERM, _end_like_ctrl_c)
    app()
