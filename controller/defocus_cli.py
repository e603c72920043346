"""``pursuit train defocus``: the network that tells the defocus of an object from one image."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer


def register(train: typer.Typer) -> None:
    """Add the command of this module to those that train."""
    train.command()(defocus)


def defocus(
    out: Annotated[Path, typer.Option(help="ONNX file to write; its card goes beside it.")] = Path(
        "defocus.onnx"
    ),
    steps: Annotated[int, typer.Option(min=1, help="Steps of training.")] = 3600,
    batch: Annotated[int, typer.Option(min=2, help="Windows in a step.")] = 72,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
) -> None:
    """Train the learned method of focusing on rendered objects.

    Example: `pursuit train defocus --out mine.onnx`, then `[focusing] weights = "mine.onnx"`
    """
    from rich.console import Console

    from .training_cli import needing_training, training_progress

    with needing_training():
        from ..models.training.defocus import make
    from ..models.focus.card import DefocusCard
    from .focus_rendered import MOST_DEFOCUS, rendered_windows

    card = DefocusCard(
        name=out.stem,
        trained_on=f"{steps * batch:,} windows of spots and cells of Pursuit's own simulator",
        most_defocus=MOST_DEFOCUS,
        rms_px=1.0,
        within_95=0.0,
        licence="BSD-3-Clause",
        date=datetime.now(UTC).date().isoformat(),
    )
    held_back = next(rendered_windows(seed + 1, 2000))
    with training_progress(Console(stderr=True)) as on_step:
        made = make(rendered_windows(seed, batch), held_back, steps, card, out, on_step)
    print(
        f"{out} written, with its card: error {made.rms_px:.2f} px of blur, {made.within_95:.1%} "
        "of the errors within 1.96 standard deviations"
    )
