"""The picture of a calibration: the pattern, what is left of it, and the step response."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .dynamics import DynamicsFit, Excitation, mean_travel_um
from .findings import Calibration
from .focus_drive import Pass
from .geometry import Geometry, Jump

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_X, _Y, _MODEL, _INK, _FAINT = "#0b6fa4", "#e07b39", "#22303c", "#22303c", "#8a96a1"
"""Colours, chosen to differ also for the colour-blind and in print."""
_BEFORE_S, _AFTER_S = 0.05, 0.3
"""Span of the step response around the command that is shown; chosen by eye."""


def draw(path: Path, calibration: Calibration, name: str) -> None:
    """Draw a calibration as a PNG.

    Parameters
    ----------
    path : Path
        The file to write.
    calibration : Calibration
    name : str
        Of the stand.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    evidence = calibration.evidence
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
    focused = "passes" in evidence
    figure = Figure(figsize=(18 if focused else 12, 7.2), dpi=120, layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 3 if focused else 2)
    places = (grid[0, 0], grid[0, 1], grid[1, 0], grid[:, 2] if focused else grid[1, 1])
    shifts, residuals, response, numbers = (figure.add_subplot(place) for place in places)
    _shifts(shifts, evidence["jumps"], evidence["geometry"])
    _residuals(residuals, evidence["jumps"], evidence["geometry"])
    _response(response, evidence["excitations"], evidence["fit"])
    _numbers(numbers, calibration)
    plots = [shifts, residuals, response]
    if focused:
        plots.append(figure.add_subplot(grid[1, 1]))
        _focus(plots[-1], evidence["passes"])
    for axes in plots:
        axes.grid(color=_FAINT, alpha=0.25, lw=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    title = f"{name}: calibration, {calibration.seconds:.0f} s"
    figure.suptitle(title, color=_INK, fontsize=12, x=0.01, ha="left")
    figure.savefig(path)


def _shifts(axes: Axes, jumps: list[Jump], geometry: Geometry) -> None:
    axes.set_title("Shift of the image by each long move")
    axes.set_xlabel("right (px)")
    axes.set_ylabel("down (px)")
    for axis, color in enumerate((_X, _Y)):
        seen = np.array([jump.shift_px for jump in jumps if jump.axis == axis])
        axes.plot(*seen.T, "o", color=color, ms=5, label=f"moves along {'xy'[axis]}")
        end = np.abs(seen).max() * geometry.gain[:, axis] / np.abs(geometry.gain[:, axis]).max()
        axes.plot(*np.stack([-end, end]).T, color=color, lw=1, alpha=0.6)
    axes.set_aspect("equal", "datalim")
    axes.invert_yaxis()
    axes.legend(frameon=False)


def _residuals(axes: Axes, jumps: list[Jump], geometry: Geometry) -> None:
    axes.set_title("What is left of the shifts")
    axes.set_xlabel("right (px)")
    axes.set_ylabel("down (px)")
    for axis, color in enumerate((_X, _Y)):
        left = np.array(
            [
                off * np.sqrt(jump.variance_px2)
                for jump, off in zip(jumps, geometry.residuals, strict=True)
                if jump.axis == axis
            ]
        )
        axes.plot(*left.T, "o", color=color, ms=5, label=f"moves along {'xy'[axis]}")
    axes.axhline(0, color=_FAINT, lw=0.8)
    axes.axvline(0, color=_FAINT, lw=0.8)
    axes.set_aspect("equal", "datalim")


def _response(axes: Axes, excitations: list[Excitation], fit: DynamicsFit) -> None:
    axes.set_title("Step response: images of small moves, and the fitted model")
    axes.set_xlabel("time since the command (ms)")
    axes.set_ylabel("share of the move")
    least_um = min(each.distance_um for each in excitations)
    small = [e for e in excitations if not e.backlash_um and e.distance_um < 1.5 * least_um]
    at, way = (np.concatenate(part) for part in zip(*map(_points, small), strict=True))
    axes.plot(1e3 * at, way, ".", color=_X, ms=3, alpha=0.6, label="images (middle of exposure)")
    exposure_s = float(np.diff(small[0].exposures_s[0])[0])
    times = np.linspace(-_BEFORE_S, _AFTER_S, 700)
    for span_s, style, label in (
        (exposure_s, "-", "model, as images show it"),
        (1e-5, ":", "model"),
    ):
        axes.plot(
            1e3 * times, _model(times, span_s, least_um, fit), style, color=_MODEL, label=label
        )
    axes.set_xlim(-1e3 * _BEFORE_S, 1e3 * _AFTER_S)
    axes.legend(frameon=False, loc="lower right")


def _points(each: Excitation) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    at = each.exposures_s.mean(axis=1)
    rest = each.travel_um[at < 0].mean() if (at < 0).any() else 0.0
    return at, (each.travel_um - rest) / each.distance_um


def _model(
    times: NDArray[np.float64], span_s: float, way_um: float, fit: DynamicsFit
) -> NDArray[np.float64]:
    ways, none = np.full(len(times), way_um), np.zeros(len(times))
    half = span_s / 2
    return mean_travel_um(times - half, times + half, ways, none, fit.response) / way_um


def _focus(axes: Axes, passes: list[Pass]) -> None:
    axes.set_title("Passes of the focus drive; up and down differ by its backlash")
    axes.set_xlabel("position of the drive (µm)")
    axes.set_ylabel("sharpness, over the greatest")
    best = np.max([each.sharpness.max(axis=0) for each in passes], axis=0)
    labels = set()
    for each in passes:
        way, color = ("up", _X) if each.direction > 0 else ("down", _Y)
        for part, style in enumerate(("-", "--")):
            label = f"{way}, {('rows', 'columns')[part]}"
            shown = "" if label in labels else label
            labels.add(label)
            curve = each.sharpness[:, part] / best[part]
            axes.plot(each.z_um, curve, style, color=color, lw=1, alpha=0.7, label=shown or None)
    axes.legend(frameon=False)


def _numbers(axes: Any, calibration: Calibration) -> None:
    axes.axis("off")
    lines = []
    for name, finding in calibration.findings.items():
        short = name.removeprefix("camera.").removeprefix("stage.")
        if finding.found:
            values = zip(finding.rounded(), finding.sigmas, strict=True)
            each = [f"{value:g} ± {sigma:.1g}" for value, sigma in values]
            lines += [
                f"{head:<26}{text}" for head, text in zip_longest([short], each, fillvalue="")
            ]
        else:
            lines.append(f"{short:<26}not found")
    text = "\n".join(lines)
    axes.text(0, 1, text, family="monospace", fontsize=8, va="top", transform=axes.transAxes)
