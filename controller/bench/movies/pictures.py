"""A picture of a failure: what the camera saw, what was found, what was followed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ....models.images import levels_of, stretched
from .sessions import Moment, Session

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BEFORE, _AFTER = 2, 3
"""Frames shown before the failure, and from it on."""
_PANEL_IN = 2.6
_TRUE, _FOUND, _FOLLOWED, _OTHER = "#7dff5c", "#33c3ff", "#ff5c9e", "#ffb31a"


def draw_failure(path: Path, session: Session, failed: int, title: str) -> None:
    """Draw the annotated frames around the first that is wrong as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    moments = session.annotated
    first = max(failed - _BEFORE, 0)
    shown = moments[first : failed + _AFTER]
    figure = Figure(figsize=(_PANEL_IN * len(shown), _PANEL_IN + 0.6), dpi=100)
    FigureCanvasAgg(figure)
    for place, moment in enumerate(shown):
        axes = figure.add_subplot(1, len(shown), place + 1)
        _draw(axes, moment)
        failure = " (wrong from here)" if first + place == failed else ""
        axes.set_title(f"frame {moment.frame}{failure}", fontsize=8)
    legend = "green: true, orange: others, blue: detected, pink: followed"
    figure.suptitle(f"{title[:110]}\n{legend}", fontsize=8, y=0.99)
    figure.tight_layout(rect=(0, 0, 1, 0.93))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _draw(axes: Axes, moment: Moment) -> None:
    from matplotlib.patches import Rectangle

    height, width = moment.image.shape
    grey = stretched(moment.image, levels_of(moment.image))
    axes.imshow(grey, cmap="gray", vmin=0, vmax=1)
    for at_px, size_px in zip(moment.found_px, moment.found_sizes_px.tolist(), strict=True):
        corner = at_px - moment.corner_px - size_px / 2
        box = Rectangle((corner[0], corner[1]), size_px, size_px, fill=False, color=_FOUND)
        axes.add_patch(box)
    others = moment.others_px - moment.corner_px
    axes.plot(*others.T, "+", color=_OTHER, markersize=8)
    axes.plot(*(moment.true_px - moment.corner_px), "+", color=_TRUE, markersize=12)
    if moment.followed_px is not None:
        axes.plot(*(moment.followed_px - moment.corner_px), "x", color=_FOLLOWED, markersize=9)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_axis_off()
