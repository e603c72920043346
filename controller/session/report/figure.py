"""The picture of a session: some frames, where target and stage went, how far apart, how fast."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ....drivers.messages import Description
from ...decisions import Lock
from .film import STILLS, Still, draw_strip
from .series import Rows, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TARGET, _STAGE, _LIMIT, _INK, _FAINT = "#0b6fa4", "#e07b39", "#b03a2e", "#22303c", "#8a96a1"
_SPANS = ((Lock.COASTING, "#f2d7a0"), (Lock.LOST, "#e9b1aa"))
"""Colours, chosen to differ also for the colour-blind and in print."""
_WIDE_INCH, _TALL_INCH, _LINE_INCH = 12.0, 6.4, 0.3
"""Of the picture without a film strip, and of a line of text. Chosen for a screen."""
_DASHED = (0, (5, 3))
"""Line style of limits, chosen by eye."""
_POINTS = 4_000
"""Curves are thinned to about this many points: more cannot be seen and take long to draw."""


def draw(
    path: Path,
    rows: Rows,
    description: Description,
    summary: dict[str, Any],
    stills: Sequence[Still],
) -> None:
    """Draw a session as a PNG: a film strip, trajectory, centring error and latency.

    Parameters
    ----------
    path : Path
        The file to write.
    rows : Rows
        Everything that happened; it may be nothing.
    description : Description
        The microscope, for its field and its name.
    summary : dict
        What `summarise` drew from the same rows.
    stills : sequence of Still
        Frames of it to show, `STILLS` at most; there may be none.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    series = rows.series()
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
    heights = (_strip_inch(description), _TALL_INCH) if stills else (_TALL_INCH,)
    size = _WIDE_INCH, sum(heights)
    figure = Figure(figsize=size, dpi=120, layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    parts = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    if stills:
        strip = parts[0].subgridspec(1, STILLS)
        places = [figure.add_subplot(strip[column]) for column in range(len(stills))]
        draw_strip(places, stills, series, description)
    grid = parts[-1].subgridspec(2, 2, width_ratios=(1, 1.25))
    trajectory, error, latency = (
        figure.add_subplot(grid[:, 0]),
        figure.add_subplot(grid[0, 1]),
        figure.add_subplot(grid[1, 1]),
    )
    _trajectory(trajectory, series)
    _error(error, series, description)
    _latency(latency, np.asarray(rows.latency_ms, np.float64))
    for axes in (trajectory, error, latency):
        _style(axes)
    figure.suptitle(_title(description, summary), color=_INK, fontsize=12, x=0.01, ha="left")
    figure.savefig(path)


def _strip_inch(description: Description) -> float:
    """Height of a film strip of images of this shape, with a line of text."""
    return _WIDE_INCH / STILLS * description.height_px / description.width_px + _LINE_INCH


def _trajectory(axes: Axes, series: Series) -> None:
    axes.set_title("Trajectory")
    axes.set_xlabel("x (µm)")
    axes.set_ylabel("y (µm)")
    if not len(series):
        return _nothing(axes, "no frames")
    target = series.pose_um + series.offset_um
    seen = np.isfinite(target).all(1)
    keep = _thin(len(series))
    axes.plot(*series.pose_um[keep].T, color=_STAGE, lw=3, alpha=0.55, label="stage")
    if seen.any():
        axes.plot(*target[keep].T, color=_TARGET, lw=1, label="target")
    path = target[seen] if seen.any() else series.pose_um
    color = _TARGET if seen.any() else _STAGE
    marks: dict[str, Any] = {"ls": "", "mec": color, "ms": 7, "zorder": 5}
    axes.plot(*path[0], marker="o", mfc="white", label="start", **marks)
    axes.plot(*path[-1], marker="s", mfc=color, label="end", **marks)
    _square(axes, np.concatenate((series.pose_um, target[seen])))
    return None


def _error(axes: Axes, series: Series, description: Description) -> None:
    axes.set_title("Centring error")
    axes.set_xlabel("time (s)")
    axes.set_ylabel("error (µm)")
    error = series.error_um
    limit_um = min(description.width_px, description.height_px) / 4 * description.pixel_um
    known = np.isfinite(error)
    if not known.any():
        return _nothing(axes, "no target was seen" if len(series) else "no frames")
    t_s, peaks = _envelope(series.t_s, error)
    axes.plot(t_s, peaks, color=_TARGET, lw=0.9, marker="." if len(t_s) < 50 else "")
    top_um = 1.15 * float(np.percentile(error[known], 99.9))
    if limit_um < 3 * top_um:
        axes.axhline(limit_um, color=_LIMIT, lw=1, ls=_DASHED, label="edge of the central half")
        top_um = max(top_um, 1.05 * limit_um)
    else:
        axes.plot([], ls="", label=f"the central half ends at {limit_um:.0f} µm")
    axes.set_xlim(series.t_s[0], max(series.t_s[-1], series.t_s[0] + 1e-3))
    axes.set_ylim(0, max(top_um, 1e-3))
    for lock, color in _SPANS:
        _shade(axes, series, lock, color)
    return None


def _latency(axes: Axes, latency_ms: NDArray[np.float64]) -> None:
    axes.set_title("Latency from photon to motion")
    axes.set_xlabel("latency (ms)")
    axes.set_ylabel("moves")
    latency_ms = latency_ms[np.isfinite(latency_ms)]
    if not len(latency_ms):
        return _nothing(axes, "the stage was not moved")
    p50, p99 = np.percentile(latency_ms, (50, 99))
    right = max(1.3 * p99, p50 + 1e-3)
    bins = min(60, max(8, round(2 * len(latency_ms) ** 0.5)))
    axes.hist(np.minimum(latency_ms, right), bins=bins, range=(0, right), color=_TARGET, alpha=0.8)
    for value, name, style in ((p50, "p50", "-"), (p99, "p99", _DASHED)):
        axes.axvline(value, color=_LIMIT, lw=1.2, ls=style, label=f"{name}  {value:.1f} ms")
    axes.set_xlim(0, right)
    axes.locator_params(axis="y", integer=True)
    return None


def _shade(axes: Axes, series: Series, lock: Lock, color: str) -> None:
    """Shade every run of frames in one state; runs that would overlap when drawn are joined."""
    state = series.is_lock(lock)[series.processed]
    t_s = series.t_s[series.processed]
    edges = np.flatnonzero(np.diff(state.astype(np.int8), prepend=0, append=0))
    if not len(edges):
        return
    bounds = np.append(t_s, t_s[-1])[edges].reshape(-1, 2)
    gap_s = float(np.ptp(t_s)) / 1_000
    spans: list[tuple[float, float]] = []
    for start, stop in bounds.tolist():
        joins = bool(spans) and start - spans[-1][1] < gap_s
        start = spans.pop()[0] if joins else start
        spans.append((start, max(stop, start + gap_s)))
    axes.broken_barh(
        [(start, stop - start) for start, stop in spans],
        (0, 1),
        transform=axes.get_xaxis_transform(),
        color=color,
        lw=0,
        zorder=0,
        label=str(lock),
    )


def _thin(count: int) -> slice:
    return slice(None, None, max(1, count // _POINTS))


def _envelope(
    t_s: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Keep the smallest and largest of every group of points, so that no peak is lost."""
    group = 2 * len(values) // _POINTS
    if group < 2:
        return t_s, values
    whole = len(values) // group * group
    low, high = np.where(np.isnan(values), np.inf, values), np.where(np.isnan(values), -1, values)
    low, high = low[:whole].reshape(-1, group).min(1), high[:whole].reshape(-1, group).max(1)
    pairs = np.where((high < 0)[:, None], np.nan, np.stack((low, high), 1))
    return np.repeat(t_s[:whole:group], 2), pairs.ravel()


def _square(axes: Axes, points_um: NDArray[np.float64]) -> None:
    """Equal axes around all points, at least 10 µm wide."""
    low, high = points_um.min(0), points_um.max(0)
    half = max(5.0, 0.55 * float((high - low).max()))
    for middle, limits in zip((low + high) / 2, (axes.set_xlim, axes.set_ylim), strict=True):
        limits(middle - half, middle + half)
    axes.set_aspect("equal", anchor="N")


def _nothing(axes: Axes, text: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=_FAINT)


def _style(axes: Axes) -> None:
    """Give every panel the same style: title on the left, legend beside it."""
    axes.set_title(axes.get_title(), loc="left", color=_INK, fontsize=11, weight="bold")
    axes.set_title("", loc="center")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_FAINT)
    axes.tick_params(colors=_INK, labelsize=9)
    axes.grid(color="#e3e7ea", lw=0.6)
    axes.set_axisbelow(True)
    if handles := axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.01, 0.985),
            ncols=len(handles),
            frameon=False,
            fontsize=9,
            handlelength=1.6,
            columnspacing=1.2,
        )


def _title(description: Description, summary: dict[str, Any]) -> str:
    facts = [description.name, f"{summary['frames']:,} frames in {summary['seconds']:,.2f} s"]
    if summary["held"] is not None:
        facts.append(f"held {100 * summary['held']:.1f} %")
    if summary["rms_error_um"] is not None:
        facts.append(f"RMS error {summary['rms_error_um']:.2f} µm ({summary['error_from']})")
    if times := summary["lost"]:
        facts.append(f"lost {times} time{'s' if times > 1 else ''}")
    return "   ·   ".join(facts)
