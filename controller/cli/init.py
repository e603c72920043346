"""``pursuit init``: a configuration file for a stand that Micro-Manager knows."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    mm_config: Annotated[Path, typer.Argument(metavar="FILE.cfg", help="Micro-Manager's file.")],
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("scope.toml"),
) -> None:
    """Write a configuration file for the stand that a Micro-Manager file describes.

    Example: `pursuit init MMConfig_demo.cfg --out scope.toml`
    """
    from ..configuration import write_scope

    about = write_scope(mm_config, out)
    focus = f", focus {about.focus}" if about.focus else ", no focus drive"
    print(
        f"{out}: camera {about.camera} ({about.width_px} × {about.height_px}, "
        f"{about.pixel_um:g} µm/px), stage {about.xy_stage}{focus}.\n"
        f"Check the limits in it, then: pursuit "
        f"{'calibrate' if about.uncalibrated else 'follow'} {out}"
    )
