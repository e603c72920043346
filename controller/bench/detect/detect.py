"""Speed of the learned detector and of the loop, beside ultralytics with the same weights."""

import gc
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from ....drivers.clock import NS_PER_MS
from ....drivers.messages import Frame
from ....drivers.microscope import Microscope
from ....models import weights
from ....models.card import ModelCard
from ....models.detectors import Window
from ....models.detectors.learned import LearnedDetector, LearnedOptions, open_learned
from ....models.errors import ModelError
from ....models.runtimes import RUNTIMES
from ...assembly import make_focus, make_policy, make_predictor
from ...configuration import make_config
from ...loop import Loop
from ...targets import TargetSelection
from ...tracking import FieldGeometry, Tracker
from ..report import OnProgress, Row, no_progress
from .fixture import DIAMETER_PX, Recording, record_cells
from .peers import SCORE, Pixels, open_peers

OnNote = Callable[[str], None]

WINDOW_PX = 128
"""Edge of the window: the smallest that a learned detector takes."""

TURN = 10
"""Timed frames of a turn. Chosen: short, so that a busy computer slows all alike."""
COLD = 2
"""Frames of a turn before those: caches hold the data of others, whose threads may still spin."""

COUNTERPART = {"full": "predict", "window": "predict", "locked": "track"}
"""What ultralytics does in place of each mode."""

DEFAULT_RUNTIME = "torch"
"""What users of ultralytics run if they choose nothing."""


@dataclass(slots=True, eq=False)
class Contender:
    """One way to process frames, the objects in the last one, and how long it took."""

    who: str
    runtime: str
    mode: str
    process: Callable[[Frame], int]
    times_ms: list[float] = field(default_factory=list)
    objects: int = 0


def run(
    model: str = "yolo",
    size_px: int = 512,
    frames: int = 200,
    on_note: OnNote = print,
    on_progress: OnProgress = no_progress,
) -> list[Row]:
    """Time frames of some twenty moving cells, in every runtime that works here.

    ``full`` is the detector on the whole field and ``window`` on 128 × 128 pixels around one
    cell. ``locked`` is a step of the loop as it is configured by default, following one
    object: mostly a window around the prediction, every 50th frame the whole field, with
    assignment, prediction and plan: everything but camera and stage. Ultralytics' ``predict()``
    is beside the first two. Its ``track()``, which follows all objects with its default
    tracker, is beside the third.

    Weights, least score and frames are the same: uint8, stretched to full contrast, scaled by
    neither. Only Pursuit finds the contrast by itself, which is in its time. Both leave the
    precision of OpenVINO at its default, on some processors bfloat16. In torch, ultralytics
    runs its own network with these weights, batch norms folded, in its own memory layout.
    Threads are not limited. All take turns of twelve frames in one process, so that a busy
    computer slows all alike; the first two of a turn do not count.

    Each gets ``frames`` timed frames, in whole turns of ten; ``on_note`` is told what is left out,
    and why.

    Returns
    -------
    list of dict
        ``who``, ``runtime``, ``mode``, ``size``, ``p50_ms``, ``p99_ms``, ``fps`` (frames over
        the sum of their times), ``objects`` (found in the last frame), and how many times the
        frame rate of ultralytics' counterpart that is: in torch, which its users have by
        default (``over_default``), and in the same runtime (``over_same``).

    Raises
    ------
    ModelError
        If there is no such model, or no runtime for it.
    """
    path = weights.find(model)
    turns = 1 + max(1, -(-frames // TURN))
    recording = record_cells(size_px, turns * (TURN + COLD))
    detectors = _detectors(path, size_px, on_note)
    contenders = [c for name, one in detectors.items() for c in _ours(name, one, recording)]
    card = next(iter(detectors.values())).card
    with tempfile.TemporaryDirectory(prefix="pursuit-bench-") as folder:
        if card.head.startswith("yolo"):
            first = recording.shown[0].image
            peers = open_peers(path, card.architecture, first, Path(folder), on_note)
            contenders += [
                Contender("ultralytics", runtime, mode, partial(_found, process))
                for runtime, modes in peers.items()
                for mode, process in modes.items()
            ]
        else:
            on_note(f"ultralytics is left out: it does not run {card.architecture}")
        for turn in range(turns):
            part = recording.shown[turn * (TURN + COLD) : (turn + 1) * (TURN + COLD)]
            for contender in contenders:
                _take_turn(contender, part)
            if turn == 0:  # Networks are prepared, and the loop finds its target.
                for contender in contenders:
                    contender.times_ms.clear()
            on_progress(turn + 1, turns)
    gc.unfreeze()  # The loops froze all objects; torch complains if they are never freed.
    return _rows(contenders, size_px)


def _detectors(path: Path, size_px: int, on_note: OnNote) -> dict[str, LearnedDetector]:
    """Open the model in every runtime that works, ready for frames of that size."""
    opened: dict[str, LearnedDetector] = {}
    card = path.with_suffix(".json")  # Objects of that size are shown at their own scale.
    diameter_px = ModelCard.read(card).object_px[1] if card.exists() else DIAMETER_PX
    for runtime in RUNTIMES:
        try:
            detector = open_learned(LearnedOptions(str(path), runtime, None, SCORE, diameter_px))
            detector.warm_up(size_px, size_px)
        except ModelError as error:
            on_note(f"pursuit in {runtime} is left out: {error}")
        else:
            opened[runtime] = detector
    if not opened:
        raise ModelError(f"no runtime works here for {path}: install openvino")
    return opened


def _ours(runtime: str, detector: LearnedDetector, recording: Recording) -> list[Contender]:
    """The three modes in a runtime."""
    steps = _loop(detector, recording).steps()
    about = recording.description

    def around(frame: Frame) -> Window:
        """Return a window about the place where the target truly is."""
        truth = recording.truths[frame.index]
        right_px, down_px = truth.x_um / about.pixel_um, truth.y_um / about.pixel_um
        x, y = (about.width_px - 1) / 2 + right_px, (about.height_px - 1) / 2 + down_px
        return Window((x, y), WINDOW_PX / 2)

    modes: dict[str, Callable[[Frame], int]] = {
        "full": lambda frame: len(detector.detect(frame.image)),
        "window": lambda frame: len(detector.detect_within(frame.image, around(frame))),
        "locked": lambda frame: next(steps).decision.detections,
    }
    return [Contender("pursuit", runtime, mode, process) for mode, process in modes.items()]


def _loop(detector: LearnedDetector, recording: Recording) -> Loop:
    """The loop as it is configured by default, around a detector and recorded frames."""
    config = make_config({})
    return Loop(
        cast(Microscope, recording),
        detector,
        Tracker(config.tracking, FieldGeometry(recording.description), make_predictor(config)),
        TargetSelection(config.target),
        make_policy(config),
        config.attention,
        make_focus(config, recording.description),
    )


def _found(process: Callable[[Pixels], Any], frame: Frame) -> int:
    return len(process(frame.image))


def _take_turn(contender: Contender, frames: Sequence[Frame]) -> None:
    for position, frame in enumerate(frames):
        start_ns = time.perf_counter_ns()
        contender.objects = contender.process(frame)
        if position >= COLD:
            contender.times_ms.append((time.perf_counter_ns() - start_ns) / NS_PER_MS)


def _rows(contenders: Sequence[Contender], size_px: int) -> list[Row]:
    fps = {(c.who, c.runtime, c.mode): 1e3 / float(np.mean(c.times_ms)) for c in contenders}

    def over(contender: Contender, runtime: str) -> float | None:
        mode = COUNTERPART.get(contender.mode, contender.mode)
        other = fps.get(("ultralytics", runtime, mode))
        return fps[contender.who, contender.runtime, contender.mode] / other if other else None

    return [
        {
            "who": c.who,
            "runtime": c.runtime,
            "mode": c.mode,
            "size": size_px,
            "p50_ms": float(np.percentile(c.times_ms, 50)),
            "p99_ms": float(np.percentile(c.times_ms, 99)),
            "fps": fps[c.who, c.runtime, c.mode],
            "objects": c.objects,
            "over_default": over(c, DEFAULT_RUNTIME),
            "over_same": over(c, c.runtime),
        }
        for c in contenders
    ]
