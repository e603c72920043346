"""``pursuit train defocus``: the network that tells the defocus of an object from one image."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..options import ModelOut
from ..progress import needing_training, plain_console, training_progress

if TYPE_CHECKING:
    from ....models.focus import Windows
    from ...datasets import StackSettings

_STACK = "Calibration stack"
"""Heading of the options about a stack in the help."""
_JUDGED_RENDERED, _JUDGED_SEEN = 2000, 1000
"""Windows to judge on, rendered and of a stack. Chosen: their RMS is then known to some 2 %."""


def defocus(
    out: ModelOut = Path("defocus.onnx"),
    steps: Annotated[int, typer.Option(min=1, help="Steps of training.")] = 3600,
    batch: Annotated[int, typer.Option(min=2, help="Windows in a step.")] = 72,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    stack: Annotated[
        Path | None,
        typer.Option(
            metavar="STACK",
            help="Images of small objects from below to above the focus, TIFF or OME-Zarr: "
            "half of the windows are taken from it.",
            rich_help_panel=_STACK,
        ),
    ] = None,
    step_um: Annotated[
        float | None,
        typer.Option(
            help="By how much the focal plane rises from image to image; default: as told.",
            rich_help_panel=_STACK,
        ),
    ] = None,
    focus_um: Annotated[
        float | None,
        typer.Option(
            help="Where the objects are in focus, from the first image; default: where each "
            "is sharpest.",
            rich_help_panel=_STACK,
        ),
    ] = None,
    pixel_um: Annotated[
        float | None,
        typer.Option(min=1e-6, help="Edge of a pixel; default: as told.", rich_help_panel=_STACK),
    ] = None,
    diameter_px: Annotated[
        float | None,
        typer.Option(min=2, help="Of the objects in focus; default: 10.", rich_help_panel=_STACK),
    ] = None,
    na: Annotated[
        float | None, typer.Option(help="Of the objective.", rich_help_panel=_STACK)
    ] = None,
    astigmatism_um: Annotated[
        float | None,
        typer.Option(help="As in the table `focusing`.", rich_help_panel=_STACK),
    ] = None,
    wavelength_um: Annotated[
        float | None,
        typer.Option(min=1e-3, help="Of the light; default: 0.52.", rich_help_panel=_STACK),
    ] = None,
    index: Annotated[
        float | None,
        typer.Option(help="Of the immersion; default: 1.", rich_help_panel=_STACK),
    ] = None,
) -> None:
    """Train the learned method of focusing on rendered objects, or on your own microscope's too.

    Example: `pursuit train defocus --stack beads.ome.tif --na 0.75 --astigmatism-um 1.8`, then
    `[focusing] weights = "defocus.onnx"`
    """
    with needing_training():
        from ....models.training.defocus import make
    from ....models.focus import DefocusCard

    told = {
        "na": na,
        "astigmatism_um": astigmatism_um,
        "wavelength_um": wavelength_um,
        "index": index,
        "pixel_um": pixel_um,
        "step_um": step_um,
        "focus_um": focus_um,
        "diameter_px": diameter_px,
    }
    settings = _settings(stack, {name: value for name, value in told.items() if value is not None})
    windows, held_back, most_defocus, about = _training_windows(stack, settings, batch, steps, seed)
    card = DefocusCard(
        name=out.stem,
        trained_on=about,
        most_defocus=most_defocus,
        rms_px=1.0,
        within_95=0.0,
        licence="BSD-3-Clause",
        date=datetime.now(UTC).date().isoformat(),
    )
    with training_progress(plain_console(stderr=True)) as on_step:
        made = make(windows, held_back, steps, card, out, on_step, seed)
    print(
        f"{out} written, with its card: error {made.rms_px:.2f} px of blur, {made.within_95:.1%} "
        "of the errors within 1.96 standard deviations"
    )


def _settings(stack: Path | None, told: dict[str, float]) -> StackSettings | None:
    """Put together what was told of a stack; None without one."""
    if stack is None:
        if told:
            option = f"--{next(iter(told)).replace('_', '-')}"
            text = "it tells of a calibration stack: give --stack too"
            raise typer.BadParameter(text, param_hint=option)
        return None
    from ...datasets import StackSettings

    for name in ("na", "astigmatism_um"):
        if name not in told:
            text = f"say through what it was taken: give --{name.replace('_', '-')}"
            raise typer.BadParameter(text, param_hint="--stack")
    return StackSettings(**told)


def _training_windows(
    stack: Path | None, settings: StackSettings | None, batch: int, steps: int, seed: int
) -> tuple[Iterator[Windows], Windows, float, str]:
    """Rendered objects, and for half of the windows those of a stack if there is one.

    What to train on and to judge by, the greatest defocus in it, and words for people.
    """
    from ...datasets import MOST_DEFOCUS, rendered_windows

    about = "{:,} windows of spots and cells of Pursuit's own simulator"
    if stack is None or settings is None:
        held_back = next(rendered_windows(seed + 1, _JUDGED_RENDERED))
        windows = rendered_windows(seed, batch)
        return windows, held_back, MOST_DEFOCUS, about.format(steps * batch)

    import numpy as np

    from ....models.datasets import joined_windows, stack_windows
    from ...datasets import calibrate

    seen, half = calibrate(stack, settings), batch // 2
    rng = np.random.default_rng(seed)
    held_back = next(stack_windows(seen.judged, seen.lens, _JUDGED_SEEN, rng))
    windows = joined_windows(
        rendered_windows(seed, half), stack_windows(seen.learned, seen.lens, batch - half, rng)
    )
    about = f"{seen.about}, and {about.format(steps * half)}"
    return windows, held_back, min(seen.most_defocus, MOST_DEFOCUS), about
