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

    about, knows_pixel, xy_stages, knows_exposure = write_scope(mm_config, out)
    size = f"{about.pixel_um:g} µm/px" if knows_pixel else "pixel size not known"
    others = [label for label in xy_stages if label != about.xy_stage]
    choice = f" (not {' nor '.join(others)}: change label under [stage])" if others else ""
    focus = f", focus {about.focus}" if about.focus else ", no focus drive"
    if not knows_exposure:
        print(
            f"The exposure of camera {about.camera} is 0 ms in Micro-Manager: {out} has "
            f"{about.exposure_ms:g} ms, a guess; set exposure_ms under [camera] to yours."
        )
    print(
        f"{out}: camera {about.camera} ({about.width_px} × {about.height_px}, {size}), "
        f"stage {about.xy_stage}{choice}{focus}.\n"
        f"Check the limits in it, then: pursuit "
        f"{'calibrate' if about.uncalibrated else 'follow'} {out}"
    )
