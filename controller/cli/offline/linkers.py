"""The options that name a linker, and what is made of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ...offline import MakeLinker

_OWN, _TRACKASTRA = "pursuit", "trackastra"

LinkerName = Annotated[
    str, typer.Option("--linker", metavar="NAME", help=f"{_OWN} or {_TRACKASTRA}.")
]
LinkerModel = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help=f"Model of {_TRACKASTRA}: its folder.")
]
OWN_LINKER = _OWN
"""Name of the linker that is used if none is named."""


def linker_of(name: str, model: Path | None) -> MakeLinker:
    """Return what makes the linker that the command line asks for, its model loaded.

    Raises
    ------
    ConfigError, ModelError
        If there is no such linker, or its model is missing, damaged or not used.
    """
    from ....models.registry import did_you_mean
    from ...configuration import ConfigError
    from ...offline import Linker, TrackastraLinker, load_trackastra

    known = _OWN, _TRACKASTRA
    if name not in known:
        asked = f"Unknown linker {name!r}; {did_you_mean(name, known)}".rstrip()
        raise ConfigError(f"{asked} known: {', '.join(known)}.")
    if name == _OWN and model is not None:
        raise ConfigError(f"--linker-model is only for --linker {_TRACKASTRA}: give both or none.")
    if name == _OWN:
        return Linker
    if model is None:
        raise ConfigError(
            f"--linker {_TRACKASTRA} needs a model: give its folder with --linker-model."
        )
    return partial(TrackastraLinker, load_trackastra(model))
