"""The ``pursuit`` command: what it consists of, and what it says of errors."""

import errno
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ...drivers.interrupts import STOPPED, is_interrupt, was_interrupted
from .bench import app as bench
from .calibrate import calibrate
from .follow import follow
from .init import init
from .microscope import microscope
from .offline import detect, evaluate, export, models, track
from .options import fail
from .record import record
from .stop import arm, stop
from .train import app as train


class _Commands(TyperGroup):
    """Commands that answer an error that a user can cause with one sentence, not a traceback."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        try:
            return super().make_context(*args, **options)
        except KeyboardInterrupt:
            fail(STOPPED)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            fail(STOPPED)
        except (RuntimeError, ValueError, OSError) as error:
            fail(_sentence(error) or (STOPPED if was_interrupted() else _plugin_failure(error)))
        except Exception as error:
            if not (is_interrupt(error) or was_interrupted()):
                fail(_plugin_failure(error))
            fail(STOPPED)


def _plugin_failure(error: Exception) -> str:
    """What to say of an error in somebody's code; of any other it is raised again."""
    from ...models import plugins

    told = plugins.failure(error)
    if not told:
        raise error
    return told


def _sentence(error: Exception) -> str:
    """What to say of an error; empty if no user can have caused it.

    Imported here, as it takes half a second, which `pursuit stop` has not.
    """
    from ...drivers.microscope import MicroscopeError
    from ...models.errors import ModelError
    from ..configuration import ConfigError, as_sentence
    from ..session import ProcessError

    match error:
        case ModelError():
            return as_sentence(error)
        case ConfigError() | MicroscopeError() | ProcessError():
            return str(error)
        case FileExistsError() | PermissionError() if error.filename is None:
            return str(error)
        case FileExistsError():
            return f"{error.filename} is a file, not a folder: choose another folder with --out."
        case PermissionError():
            return f"{error.filename} may not be written: choose another folder with --out."
        case OSError() if error.errno == errno.ENOSPC:
            where = f" for {error.filename}" if error.filename else ""
            return f"There is no space left on the disk{where}: free some, and run it again."
        case OSError() if error.filename is not None:
            return f"{error.filename} cannot be used: {error.strerror}."
    return ""


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Makes a microscope follow living things.",
)


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"pursuit {version('pursuit')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Say which version this is."
        ),
    ] = False,
) -> None:
    """Take the options that belong to no command."""


for command in (follow, init, calibrate, microscope, record, stop, arm, detect, track):
    app.command()(command)
app.command(name="eval")(evaluate)
app.command()(models)
app.command()(export)
app.add_typer(train, name="train")
app.add_typer(bench, name="bench")
