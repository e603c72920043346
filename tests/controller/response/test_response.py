"""A right calibration is proven in a moment; a wrong one is named, and has moved little."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

import numpy as np
import pytest
from pursuit.controller.assembly import complete, make_loop, open_lockstep
from pursuit.controller.loop import Step
from pursuit.controller.response import ResponseError
from pursuit.controller.response.small_moves import FIRST_MOVES
from pursuit.sim.imaging import Optics
from pursuit.sim.stand import LockstepMicroscope

WRONG = {
    "mirrored from left to right": [[-1, 0], [0, 1]],
    "mirrored from top to bottom": [[1, 0], [0, -1]],
    "turned by 180°": [[-1, 0], [0, -1]],
    "turned by 270°": [[0, -1], [1, 0]],
    "turned by 90°": [[0, 1], [-1, 0]],
    "axes are exchanged": [[0, 1], [1, 0]],
    "too small by a factor of 2": [[0.5, 0], [0, 0.5]],
    "too large by a factor of 2": [[2, 0], [0, 2]],
}
"""What an affine that was multiplied by these is called."""
PATIENCE = {"swimmer": 150, "crowd": 60, "worm": 150}
"""Frames within which it has been named."""


def opened(scenario: str, seed: int, error: Any) -> tuple[LockstepMicroscope, Any, float]:
    """A microscope that was told a wrong affine, its tables, and the field in µm."""
    tables: dict[str, Any] = {
        "microscope": {"scenario": scenario},
        "session": {"seed": seed},
        "detector": {"name": "blobs"},
    }
    config, simulated = complete(tables)
    assert simulated is not None
    true = np.reshape(simulated.scenario.affine, (2, 2))
    tables["camera"] = {"affine": (true @ error).ravel().tolist()}
    config, simulated = complete(tables)
    microscope = open_lockstep(config, simulated)
    about = microscope.describe()
    return microscope, config, min(about.width_px, about.height_px) * about.pixel_um


def travelled_um(steps: list[Step]) -> float:
    """How far the stage went from where it began."""
    poses = np.array([step.decision.pose_um[:2] for step in steps])
    return float(np.hypot(*(poses - poses[0]).T).max())


@pytest.mark.parametrize("scenario", PATIENCE)
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_affine_is_named_and_the_right_one_told(scenario: str, name: str) -> None:
    microscope, config, field_um = opened(scenario, 31, np.array(WRONG[name]))
    steps: list[Step] = []
    with microscope, pytest.raises(ResponseError) as caught:
        for step in islice(make_loop(config, microscope).steps(), PATIENCE[scenario]):
            steps += [step]
    assert name in str(caught.value)
    numbers = re.findall(r"-?[\d.]+", str(caught.value).split("[")[1].split("]")[0])
    _, simulated = complete({"microscope": {"scenario": scenario}})
    assert simulated is not None
    assert [float(number) for number in numbers] == pytest.approx(simulated.scenario.affine)
    assert travelled_um(steps) < field_um / 2
    assert name in microscope.stopped


@pytest.mark.parametrize("scenario", PATIENCE)
@pytest.mark.parametrize("seed", [41, 42])
def test_a_right_affine_is_proven_within_a_second(scenario: str, seed: int) -> None:
    microscope, config, _ = opened(scenario, seed, np.eye(2))
    with microscope:
        steps = list(islice(make_loop(config, microscope).steps(), PATIENCE[scenario]))
    first = [step.decision.exposed_ns for step in steps if step.decision.reason == FIRST_MOVES]
    assert first
    assert first[-1] - steps[0].decision.exposed_ns < 1e9
    assert steps[-1].decision.reason != FIRST_MOVES


@pytest.mark.parametrize("seed", [901, 902])
@pytest.mark.parametrize("scenario", ["crossing", "tumbler", "occluded"])
def test_a_target_that_meets_another_turns_or_hides_raises_no_doubt(
    scenario: str, seed: int
) -> None:
    microscope, config, _ = opened(scenario, seed, np.eye(2))
    with microscope:
        steps = list(islice(make_loop(config, microscope).steps(), 260))
    assert FIRST_MOVES not in {step.decision.reason for step in steps[100:]}


@pytest.mark.parametrize("seed", [76, 130])
def test_a_target_that_is_merged_with_another_for_long_raises_no_doubt(seed: int) -> None:
    microscope, config, _ = opened("crowd", seed, np.eye(2))
    with microscope:
        steps = list(islice(make_loop(config, microscope).steps(), 100))
    assert FIRST_MOVES not in {step.decision.reason for step in steps[20:]}


def turn(microscope: LockstepMicroscope, name: str) -> None:
    """Change the picture as if somebody had turned the camera or changed the objective."""
    world = microscope._world
    scene: Any = world._scene
    affine = np.reshape(world.scenario.affine, (2, 2))
    turned = affine @ np.linalg.inv(WRONG[name]) / world.scenario.optics.pixel_um
    scene._optics = Optics(world.scenario.optics, np.linalg.inv(turned))


@pytest.mark.parametrize(
    ("scenario", "seed", "name"),
    [
        ("crowd", 101, "mirrored from left to right"),
        ("crowd", 102, "mirrored from left to right"),
        ("crowd", 103, "mirrored from left to right"),
        ("crowd", 702, "turned by 270°"),
        ("swimmer", 901, "mirrored from left to right"),
        ("swimmer", 701, "too large by a factor of 2"),
        ("nucleus", 701, "mirrored from top to bottom"),
        ("nucleus", 703, "turned by 180°"),
        ("worm", 901, "mirrored from left to right"),
    ],
)
def test_a_picture_that_changes_during_a_session_is_found_out(
    scenario: str, seed: int, name: str
) -> None:
    microscope, config, field_um = opened(scenario, seed, np.eye(2))
    steps: list[Step] = []
    before = 60 if scenario in ("swimmer", "worm") else 30
    with microscope, pytest.raises(ResponseError, match=name):
        for count, step in enumerate(islice(make_loop(config, microscope).steps(), 300)):
            if count == before:
                turn(microscope, name)
            if count >= before:
                steps += [step]
    assert travelled_um(steps) < field_um
