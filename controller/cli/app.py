"""The ``pursuit`` command: what it consists of, and how it ends."""

from __future__ import annotations

import errno
import signal
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from .bench import app as bench
from .calibrate import calibrate
from .follow import follow
from .init import init
from .microscope import microscope
from .offline import detect, evaluate, export, models, track
from .options import fail
from .record import record
from .train import app as train


class _Commands(TyperGroup):
    """Commands that answer an error that a user can cause with one sentence, not a traceback."""

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
            except OSError as error:
                if error.filename is None and error.errno != errno.ENOSPC:
                    raise
                fail(f"{error.filename or 'A file'} cannot be used: {error.strerror}.")
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

for command in (follow, init, calibrate, microscope, record, detect, track):
    app.command()(command)
app.command(name="eval")(evaluate)
app.command()(models)
app.command()(export)
app.add_typer(train, name="train")
app.add_typer(bench, name="bench")


def _end_like_ctrl_c(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command."""
    signal.signal(signal.SIGTERM, _end_like_ctrl_c)
    app()
