"""Where the loop looks: around a locked target, and at the whole field often enough."""

from __future__ import annotations

from contextlib import closing
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

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
from pursuit.controller.decisions import Decision, Lock
from pursuit.controller.loop import Loop
from pursuit.controller.targets import TargetSelection
from pursuit.controller.tracking import FieldGeometry, Tracker


def follow(scenario: str, frames: int, **tables: Any) -> list[Decision]:
    config, simulated = complete(
        {"microscope": {"scenario": scenario}, "detector": {"name": "blobs"}, **tables}
    )
    with (
        open_lockstep(config, simulated) as microscope,
        closing(make_loop(config, microscope).steps()) as steps,
    ):
        return [step.decision for step in islice(steps, frames)]


ALWAYS = {"window": "always", "whole_every": 20}


def test_a_locked_target_is_looked_at_alone_but_for_every_nth_frame() -> None:
    decisions = follow("swimmer", 100, attention=ALWAYS)
    locked = [d for d in decisions if d.lock is Lock.LOCKED]
    assert len(locked) >= 97
    whole = [d.frame for d in decisions if d.looked_px is None]
    assert whole[:2] == [0, 1]
    assert set(np.diff(whole[1:])) == {20}
    for decision in decisions:
        if decision.looked_px is not None:
            ((left, top, right, bottom),) = decision.looked_px
            assert 60 <= right - left <= 160 and 60 <= bottom - top <= 160


@pytest.mark.parametrize(("window", "is_narrow"), [("auto", False), ("never", False)])
def test_a_fast_detector_is_shown_all_unless_asked(window: str, is_narrow: bool) -> None:
    decisions = follow("swimmer", 20, attention={"window": window})
    assert any(d.looked_px for d in decisions) is is_narrow


def test_the_learned_detector_is_shown_a_window_by_itself() -> None:
    decisions = follow("swimmer", 20, detector={"name": "yolo"})
    assert sum(d.looked_px is not None for d in decisions) >= 15


@pytest.mark.parametrize("seed", [2, 4, 6, 9, 13])
def test_a_fast_cell_is_found_though_the_whole_field_takes_long(seed: int, tmp_path: Path) -> None:
    """A slow computer: the cell goes on by several of its sizes from look to look."""
    swimmer = resources.files("pursuit.sim.scenarios").joinpath("swimmer.toml").read_text()
    slow = tmp_path / "slow.toml"
    slow.write_text(swimmer.replace("processing_ms = 2.0", "processing_ms = 62.0"))
    decisions = follow(str(slow), 4, session={"seed": seed}, detector={"name": "yolo"})
    assert decisions[-1].lock is Lock.LOCKED


def test_the_session_says_once_what_computes_the_network() -> None:
    first, *rest = (
        d.notes for d in follow("swimmer", 5, detector={"name": "yolo", "runtime": "openvino:CPU"})
    )
    assert any("openvino on CPU" in note for note in first)
    assert rest == [()] * 4


def test_tracks_are_advanced_once_a_frame_wherever_it_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, simulated = complete(
        {"microscope": {"scenario": "swimmer"}, "detector": {"name": "blobs"}, "attention": ALWAYS}
    )
    predictor, instants_ns = make_predictor(config), []
    advance = predictor.advance

    def note(at_ns: int) -> None:
        instants_ns.append(at_ns)
        advance(at_ns)

    monkeypatch.setattr(predictor, "advance", note)
    with open_lockstep(config, simulated) as microscope:
        description = microscope.describe()
        loop = Loop(
            microscope,
            make_detector(config, description.pixel_um),
            Tracker(config.tracking, FieldGeometry(description), predictor),
            TargetSelection(config.target),
            make_policy(config),
            config.attention,
            make_focus(config, description),
        )
        with closing(loop.steps()) as steps:
            decisions = [step.decision for step in islice(steps, 25)]
    assert sum(decision.looked_px is not None for decision in decisions) >= 20
    assert instants_ns == [decision.exposed_ns for decision in decisions]


def test_neighbours_outside_the_window_are_not_given_up() -> None:
    decisions = follow("crowd", 35, attention=ALWAYS)
    assert {d.target for d in decisions if d.target} == {decisions[-1].target}
    seen_whole = next(d for d in decisions[1:] if d.looked_px is None)
    known = {track.id for track in seen_whole.tracks}
    assert len(known) > 50
    kept = known & {track.id for track in decisions[-1].tracks}
    assert len(kept) > 0.8 * len(known)
