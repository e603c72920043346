"""Code of the user's own, by ``"module:Name"``: found, loaded, and named where it fails."""

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

from .errors import ModelError

_OWN = __name__.partition(".")[0]
"""Name of this package."""
_folders: list[Path] = []
"""Where modules are found besides what is installed; without any in the current folder."""
_loaded: dict[str, dict[str, str]] = {}
"""Names of modules and packages that were loaded, each with the names in it that were asked for,
and what each of these is."""


def is_plugin(name: object) -> bool:
    """Whether a name in a configuration is that of somebody's code."""
    return isinstance(name, str) and ":" in name


def look_in(folder: Path) -> None:
    """Find modules in a folder, too, after all that is installed; not before one is named."""
    _folders.append(folder)


def file_of(name: str) -> str:
    """Return which file ``"module:Name"`` would be loaded from, without running it; or empty."""
    top = name.partition(":")[0].partition(".")[0]
    _extend_path()
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return ""
    return (spec.origin or "") if spec else ""


def load(name: str, what: str) -> Any:
    """Import what ``"module:Name"`` stands for.

    Parameters
    ----------
    name : str
    what : str
        What it is to be, for a sentence: ``"detector"``.

    Raises
    ------
    ModelError
        If it is not there, or fails while it is imported.
    """
    module, _, attribute = name.partition(":")
    note(module, attribute, f"{what} {name!r}")
    _extend_path()
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise _cannot(what, name, error) from error
        top = module.partition(".")[0]
        raise ModelError(
            f"the {what} {name!r} cannot be imported: {top}.py is neither in the folder of the "
            "configuration (without one: the current folder) nor installed"
        ) from error
    except AttributeError as error:
        if attribute and not hasattr(sys.modules.get(module), attribute):
            raise ModelError(
                f"the {what} {name!r} cannot be imported: {module} has no {attribute!r}"
            ) from error
        raise _cannot(what, name, error) from error
    except (Exception, SystemExit) as error:  # Anybody's code runs here.
        raise _cannot(what, name, error) from error


def _extend_path() -> None:
    for folder in _folders or [Path.cwd()]:
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def note(module: str, attribute: str, what: str) -> None:
    """Remember what a name in a module was loaded for; all of its package counts as loaded."""
    top = module.partition(".")[0]
    if top != _OWN:
        _loaded.setdefault(top, {})[attribute] = what


def failure(error: BaseException) -> str:
    """Say in a sentence which loaded code failed, and where; empty if none did.

    Of several that share a file, the one is named whose class or function was running.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if _top(frame)]
    if not frames:
        return ""
    top = _top(frames[-1])
    told = _loaded[top]
    running = [name for frame in reversed(frames) if _top(frame) == top for name in _names(frame)]
    named = list(told) if len(told) == 1 else [name for name in running if name in told]
    what = told[named[0]] if named else f"code in {top!r}"
    return f"The {what} failed: {described(error)}."


def _top(frame: FrameType) -> str:
    """Return the loaded module or package that a frame runs; empty if it is not of one."""
    top = frame.f_globals.get("__name__", "").partition(".")[0]
    return top if top in _loaded else ""


def _names(frame: FrameType) -> list[str]:
    """Return what may be named in a configuration where a frame runs: function or class."""
    code = frame.f_code
    owner = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
    return [type(owner).__qualname__, code.co_qualname.partition(".")[0]]


def described(error: BaseException) -> str:
    """Return an exception in a clause, with the file and line of the code that is not ours."""
    said = " ".join(str(error).split())
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if _top(frame):
            return f"{text.rstrip('.')} ({frame.f_code.co_filename}, line {line})"
    return text


def _cannot(what: str, name: str, error: BaseException) -> ModelError:
    return ModelError(f"the {what} {name!r} cannot be imported: {described(error)}")
