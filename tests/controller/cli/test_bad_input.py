"""What hardware and detectors may do to the loop: nothing may end it or move out of bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from pursuit.controller.assembly import (
    complete,
    make_detector,
    make_focus,
    make_loop,
    make_policy,
    make_predictor,
    open_lockstep,
)
from pursuit.controller.configuration import Config
from pursuit.controller.decisions import Decision, Lock
from pursuit.controller.loop import Loop
from pursuit.controller.targets import TargetSelection
from pursuit.controller.tracking import FieldGeometry, Tracker
from pursuit.drivers.messages import Frame, Move
from pursuit.models.detections import Detections

FRAMES = 90
FIRST, LAST = 30, 45
"""Frames in which things go wrong."""
S = 1_000_000_000

Spoil = Callable[[Frame], Frame]


@dataclass
class Faulty:
    """A microscope that spoils some frames and notes every move that it is asked for."""

    microscope: Any
    spoil: Spoil
    moves: list[Move] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.microscope, name)

    def frames(self, *, resume: bool = False) -> Iterator[Frame]:
        with closing(self.microscope.frames(resume=resume)) as frames:
            for frame in frames:
                yield self.spoil(frame) if FIRST <= frame.index < LAST else frame

    def move(self, move: Move) -> Any:
        self.moves.append(move)
        return self.microscope.move(move)


@dataclass
class Odd:
    """A detector that in some frames says something else."""

    detector: Any
    say: Callable[[tuple[int, ...]], Detections]
    seen: int = 0

    def detect(self, image: np.ndarray) -> Detections:
        self.seen += 1
        wrong = FIRST < self.seen <= LAST
        return self.say(image.shape) if wrong else self.detector.detect(image)


def with_pose(**changes: float) -> Spoil:
    return lambda frame: msgspec.structs.replace(
        frame, pose=msgspec.structs.replace(frame.pose, **changes)
    )


def at(offset_ns: Callable[[Frame], int]) -> Spoil:
    return lambda frame: msgspec.structs.replace(
        frame, exposed_ns=max(frame.exposed_ns + offset_ns(frame), 0)
    )


def lying(frame: Frame) -> Frame:
    return with_pose(x_um=frame.pose.x_um + 300.0 * (frame.index % 2))(frame)


def run(config: Config, simulated: Any, spoil: Spoil, say: Any = None) -> list[Decision]:
    with open_lockstep(config, simulated) as inner:
        microscope: Any = Faulty(inner, spoil)
        loop = make_loop(config, microscope)
        if say is not None:
            description = microscope.describe()
            odd: Any = Odd(make_detector(config, description.pixel_um), say)
            loop = Loop(
                microscope,
                odd,
                Tracker(config.tracking, FieldGeometry(description), make_predictor(config)),
                TargetSelection(config.target),
                make_policy(config),
                config.attention,
                make_focus(config, description),
            )
        with closing(loop.steps()) as steps:
            decisions = [step.decision for step in islice(steps, FRAMES)]
        limits_um = microscope.describe().limits_um[:2]
    assert microscope.moves
    for move in microscope.moves:
        numbers = [n for n in msgspec.to_builtins(move).values() if isinstance(n, float)]
        assert np.isfinite(numbers).all()
    honest = [d.pose_um for d in decisions if not FIRST <= d.frame < LAST]
    for places, (low, high) in zip(np.transpose(honest)[:2], limits_um, strict=True):
        assert low <= places.min() and places.max() <= high
    return decisions


def following(scenario: str = "swimmer") -> tuple[Config, Any]:
    return complete(
        {
            "microscope": {"scenario": scenario},
            "detector": {"name": "blobs"},
            "session": {"seed": 3},
        }
    )


def unexplained(decisions: list[Decision]) -> list[int]:
    """Frames in which the lock changed and nobody says why."""
    return [b.frame for a, b in pairwise(decisions) if a.lock is not b.lock and not b.reason]


UNUSABLE = [
    pytest.param(at(lambda f: -(f.index - FIRST + 1) * S), id="time runs backwards"),
    pytest.param(at(lambda f: 3600 * S), id="an hour ahead and back again"),
    pytest.param(at(lambda f: -3600 * S), id="time of long ago"),
    pytest.param(with_pose(x_um=float("nan")), id="no x"),
    pytest.param(with_pose(x_um=float("inf"), y_um=-float("inf")), id="infinite"),
    pytest.param(with_pose(sigma_um=float("nan")), id="no sigma"),
    pytest.param(with_pose(sigma_um=1e300), id="a vast sigma"),
    pytest.param(with_pose(z_um=float("nan")), id="no z"),
]


@pytest.mark.parametrize("spoil", UNUSABLE)
@pytest.mark.parametrize("scenario", ["swimmer", "spindle"])
def test_frames_without_place_or_time_move_nothing_and_say_so(spoil: Spoil, scenario: str) -> None:
    decisions = run(*following(scenario), spoil)
    wrong = [d for d in decisions if FIRST <= d.frame < LAST]
    assert len(decisions) == FRAMES and len(wrong) == LAST - FIRST
    assert all(d.reason and d.move_um is None and d.focus_um is None for d in wrong)
    assert Lock.LOCKED not in {d.lock for d in wrong} and not unexplained(decisions)
    assert len({d.target for d in wrong}) == 1
    assert np.isfinite([d.pose_um for d in decisions]).all()
    assert decisions[-1].lock is Lock.LOCKED
    assert decisions[-1].target == decisions[FIRST - 1].target


def test_a_stage_that_lies_about_where_it_is() -> None:
    decisions = run(*following(), lying)
    assert len(decisions) == FRAMES
    assert not unexplained(decisions)


def nothing(shape: tuple[int, ...]) -> Detections:
    return Detections.of(np.empty((0, 4)))


def thousands(shape: tuple[int, ...]) -> Detections:
    corners = np.random.default_rng(0).uniform(0, shape[1] - 10, (3000, 2))
    return Detections.of(np.hstack([corners, corners + 8]))


def alike(shape: tuple[int, ...]) -> Detections:
    return Detections.of(np.tile([[40.0, 40.0, 52.0, 52.0]], (500, 1)))


def outside(shape: tuple[int, ...]) -> Detections:
    return Detections.of([[1e6, 1e6, 1e6 + 9, 1e6 + 9], [-500, -500, -490, -490]])


def not_finite(shape: tuple[int, ...]) -> Detections:
    return Detections.of([[np.nan, 1, 9, 9], [1, 1, np.inf, 9], [9, 9, 1, 1]])


def three(shape: tuple[int, ...]) -> Detections:
    middle = np.array([[shape[1], shape[0]]]) / 2 + [[-9, 0], [0, 9], [9, 0]]
    return Detections.of(np.hstack([middle - 3, middle + 3]))


@pytest.mark.parametrize("say", [nothing, thousands, alike, outside, not_finite, three])
def test_detections_go_wrong_for_a_while(say: Callable[..., Detections]) -> None:
    decisions = run(*following(), lambda frame: frame, say)
    assert len(decisions) == FRAMES
    assert not unexplained(decisions)
    assert {Lock.LOCKED, Lock.COASTING, Lock.LOST, Lock.SEARCHING} >= {d.lock for d in decisions}
