"""``pursuit record``: keep what a microscope and a controller say."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from .options import Supervised, address


def record(
    microscope: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where frames come from.")],
    decisions: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where decisions come from.")],
    out: Annotated[Path, typer.Option(help="Session folder to make.")],
    config: Annotated[Path | None, typer.Option(help="Configuration to keep with it.")] = None,
    supervised: Supervised = False,
) -> None:
    """Record what a microscope and a controller say, in a session folder.

    `pursuit follow` starts one by itself.
    Example: `pursuit record --microscope 127.0.0.1:5710 --decisions 127.0.0.1:5720 --out night1`
    """
    from ..session import RecorderProcess, say, when_parent_ends

    text = config.read_text(encoding="utf-8") if config else ""
    recorder = RecorderProcess(address(microscope), address(decisions), out, text)
    if supervised:
        when_parent_ends(recorder.end)
        say({"ready": True})
    try:
        summary = recorder.run(lambda fault: say({"fault": fault}) if supervised else _warn(fault))
    except KeyboardInterrupt:
        recorder.end()
        raise
    if supervised:
        say({"summary": summary, "fault": recorder.fault})
    else:
        print(json.dumps(summary, indent=2))


def _warn(text: str) -> None:
    print(f"Warning: {text}", file=sys.stderr)
