"""Speed of the learned detector and of the locked loop, beside ultralytics with its weights."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ....drivers.clock import NS_PER_MS
from ....drivers.messages import Frame
from ....models import weights
from ....models.card import ModelCard
from ....models.detectors import Window, create
from ....models.detectors.learned import Learned, family_of
from ....models.errors import ModelError
from ....models.runtimes import RUNTIMES
from ...assembly import make_focus, make_predictor
from ...configuration import make_config
from ...loop import Loop
from ...targets import Target
from ...tracking import FieldGeometry, Tracker
from ..report import Row
from .fixture import DIAMETER_PX, Recording, record_cells
from .peers import SCORE, Peer, open_peers

WINDOW_PX = 128

TURN = 10
"""Frames that count before it is another's turn."""

COLD = 2
"""Frames before them: what others left in the caches is not theirs, and the threads of others
may spin on for a while."""

COUNTERPART = {"full": "predict", "window": "predict", "locked": "track"}
"""What ultralytics does in place of each mode."""

DEFAULT_RUNTIME = "torch"
"""What users of ultralytics run if they choose nothing."""


@dataclass(slots=True, eq=False)
class Contender:
    """One way to look at frames, and how long it took.

    Attributes
    ----------
    who, runtime, mode : str
    look : callable
        Frame to the number of objects found.
    times_ms : list of float
    objects : int
        Found in the last frame.
    """

    who: str
    runtime: str
    mode: str
    look: Callable[[Frame], int]
    times_ms: list[float] = field(default_factory=list)
    objects: int = 0

    @property
    def fps(self) -> float:
        """Frames over the sum of their times."""
        return 1e3 / float(np.mean(self.times_ms))


def run(
    model: str = "yolo",
    size_px: int = 512,
    frames: int = 200,
    on_note: Callable[[str], None] = print,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """Time frames of some twenty moving cells, in every runtime that works here.

    ``full`` is the detector on the whole field and ``window`` on 128 × 128 pixels around one
    cell. ``locked`` is a turn of the loop as it is configured by default, following one
    object: mostly a window around the prediction, every 50th frame the whole field, with
    assignment, prediction and plan: everything but camera and stage. Ultralytics' ``predict()``
    is beside the first two. Its ``track()``, which follows all objects with the tracker that it
    takes by default, is beside the third.

    The weights are the same, and so are the frames: uint8, stretched to full contrast, and
    not scaled by anybody; and so is the least score. Only Pursuit finds the contrast by
    itself, which is in its time. In OpenVINO both get what it chooses by default, on some
    processors bfloat16. In torch, ultralytics runs its own network with these weights, its
    norms folded in and its memory laid out as it likes best. Everyone takes as many threads
    as it wants. All take turns in one process, so that a busy computer slows all alike: of
    twelve frames, the first two of which do not count.

    Parameters
    ----------
    model : str
        Shipped model or ONNX file.
    size_px : int
        Edge of a frame.
    frames : int
        Timed frames of each, in whole turns of ten.
    on_note : callable
        Told what is left out, and why.
    on_progress : callable
        Told how many turns are done, of how many.

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
            first = recording.frames[0].image
            peers = open_peers(path, card.architecture, first, Path(folder), on_note)
            contenders += [c for peer in peers for c in _theirs(peer)]
        else:
            on_note(f"ultralytics is left out: it does not run {card.architecture}")
        for turn in range(turns):
            part = recording.frames[turn * (TURN + COLD) : (turn + 1) * (TURN + COLD)]
            for contender in contenders:
                _take_turn(contender, part)
            if turn == 0:
                _forget(contenders)
            on_progress(turn + 1, turns)
    gc.unfreeze()  # The loops froze all that there was; torch complains if it never goes.
    return _rows(contenders, size_px)


def _detectors(path: Path, size_px: int, on_note: Callable[[str], None]) -> dict[str, Learned]:
    """Open the model in every runtime that works, ready for frames of that size."""
    opened: dict[str, Learned] = {}
    options = {"weights": str(path), "score": SCORE, "diameter_px": _unscaled_px(path)}
    for runtime in RUNTIMES:
        try:
            detector = create(family_of(str(path)), {**options, "runtime": runtime})
            assert isinstance(detector, Learned)
            detector.warm_up(size_px, size_px)
        except ModelError as error:
            on_note(f"pursuit in {runtime} is left out: {error}")
        else:
            opened[runtime] = detector
    if not opened:
        raise ModelError(f"no runtime works here for {path}: install openvino")
    return opened


def _unscaled_px(path: Path) -> float:
    """Size to tell of the objects for a model to be shown them at their own scale."""
    card = path.with_suffix(".json")
    return ModelCard.read(card).object_px[1] if card.exists() else DIAMETER_PX


def _ours(runtime: str, detector: Learned, recording: Recording) -> list[Contender]:
    """The three modes in a runtime."""
    turns = _loop(detector, recording).steps()
    about = recording.description

    def around(frame: Frame) -> Window:
        """Return a window about the place where the target truly is."""
        truth = recording.truths[frame.index]
        right_px, down_px = truth.x_um / about.pixel_um, truth.y_um / about.pixel_um
        x, y = (about.width_px - 1) / 2 + right_px, (about.height_px - 1) / 2 + down_px
        return Window((x, y), WINDOW_PX / 2)

    looks: dict[str, Callable[[Frame], int]] = {
        "full": lambda frame: len(detector.detect(frame.image)),
        "window": lambda frame: len(detector.detect_within(frame.image, around(frame))),
        "locked": lambda frame: next(turns).decision.detections,
    }
    return [Contender("pursuit", runtime, mode, look) for mode, look in looks.items()]


def _loop(detector: Learned, recording: Recording) -> Loop:
    """The loop as it is configured by default, around a detector and recorded frames."""
    config = make_config({})
    return Loop(
        recording.replayed(),
        detector,
        Tracker(config.tracking, FieldGeometry(recording.description), make_predictor(config)),
        Target(config.target),
        config.policy,
        config.attention,
        make_focus(config, recording.description),
    )


def _theirs(peer: Peer) -> list[Contender]:
    looks: dict[str, Callable[[Frame], int]] = {
        "predict": lambda frame: len(peer.predict(frame.image)),
        "track": lambda frame: len(peer.track(frame.image)),
    }
    return [Contender("ultralytics", peer.runtime, mode, look) for mode, look in looks.items()]


def _take_turn(contender: Contender, frames: Sequence[Frame]) -> None:
    for position, frame in enumerate(frames):
        start_ns = time.perf_counter_ns()
        contender.objects = contender.look(frame)
        if position >= COLD:
            contender.times_ms.append((time.perf_counter_ns() - start_ns) / NS_PER_MS)


def _forget(contenders: Sequence[Contender]) -> None:
    """Leave out the first turn, in which everyone gets ready and the loop finds its target."""
    for contender in contenders:
        contender.times_ms.clear()


def _rows(contenders: Sequence[Contender], size_px: int) -> list[Row]:
    fps = {(c.who, c.runtime, c.mode): c.fps for c in contenders}

    def over(contender: Contender, runtime: str) -> float | None:
        mode = COUNTERPART.get(contender.mode, contender.mode)
        other = fps.get(("ultralytics", runtime, mode))
        return contender.fps / other if other else None

    return [
        {
            "who": c.who,
            "runtime": c.runtime,
            "mode": c.mode,
            "size": size_px,
            "p50_ms": float(np.percentile(c.times_ms, 50)),
            "p99_ms": float(np.percentile(c.times_ms, 99)),
            "fps": c.fps,
            "objects": c.objects,
            "over_default": over(c, DEFAULT_RUNTIME),
            "over_same": over(c, c.runtime),
        }
        for c in contenders
    ]
