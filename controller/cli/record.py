"""``pursuit record``: keep what a microscope and a controller say."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from .options import Supervised, address

_ALONE = (
    "Warning: No controller follows with this microscope yet: decisions are recorded once it does."
)


def record(
    microscope: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where frames come from.")],
    out: Annotated[Path, typer.Option(help="Session folder to make.")],
    decisions: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where decisions come from, if not announced."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration to keep with it.")] = None,
    supervised: Supervised = False,
) -> None:
    """Record what a microscope and a controller say, in a session folder.

    `pursuit follow` starts one by itself. The microscope knows where its controller publishes
    decisions; without a controller, frames are recorded until one comes.
    Example: `pursuit record --microscope 127.0.0.1:5710 --out night1`
    """
    from ..configuration import read_tables
    from ..session import (
        RecorderProcess,
        hear_parent,
        reserve_stdout,
        tell_parent,
        when_parent_ends,
    )

    def tell(text: str, stopped: bool) -> None:
        if supervised:
            tell_parent({"fault" if stopped else "note": text})
        else:
            _warn(text)

    if supervised:
        reserve_stdout()
    text = ""
    if config:
        read_tables(config)  # says in a sentence what is wrong with the file
        text = config.read_text(encoding="utf-8-sig")
    publisher = address(decisions, None) if decisions else None
    if supervised:
        import tensorstore  # noqa: F401 (while the microscope starts)

        microscope = hear_parent().get("microscope", "")
        if not microscope:
            return
    recorder = RecorderProcess(address(microscope), out, text, publisher)
    if supervised:
        when_parent_ends(recorder.end)
        tell_parent({"ready": True, "forecast": recorder.forecast()})
    else:
        alone = [] if recorder.has_controller else [_ALONE]
        print(*alone, *recorder.forecast(), file=sys.stderr)
    try:
        summary = recorder.run(tell)
    except KeyboardInterrupt:
        recorder.end()
        raise
    if supervised:
        tell_parent({"summary": summary, "fault": recorder.fault})
    else:
        print(json.dumps(summary, indent=2))


def _warn(text: str) -> None:
    print(f"Warning: {text}", file=sys.stderr)
