"""A stage that is not as told: the target is kept all the same."""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec
import numpy as np
import pytest
from pursuit.controller.assembly import Simulation, complete, make_loop
from pursuit.controller.bench.truth import truth_about
from pursuit.drivers.clock import VirtualClock
from pursuit.sim.stand import LockstepMicroscope
from pursuit.sim.stand.stage import StageModel

STARTS_UM = {"swimmer": (50.0, -35.0), "nucleus": (26.0, -18.0), "occluded": (60.0, 50.0)}


def otherwise(stage: StageModel, how: str) -> StageModel:
    """A stage that the numbers of another one do not describe."""
    speed, acceleration = stage.speed_um_s, stage.acceleration_um_s2
    changes: dict[str, dict[str, Any]] = {
        "faster": {"speed_um_s": 3 * speed, "acceleration_um_s2": 3 * acceleration},
        "slower": {"speed_um_s": speed / 3, "acceleration_um_s2": acceleration / 3},
        "jumps": {"speed_um_s": 1e6, "acceleration_um_s2": 1e9, "delay_ms": 0.0, "ring_hz": 0.0},
        "later": {"delay_ms": 2 * stage.delay_ms},
    }
    return msgspec.structs.replace(stage, **changes[how])


@pytest.mark.parametrize("scenario", STARTS_UM)
@pytest.mark.parametrize("how", ["faster", "slower", "jumps", "later"])
def test_the_target_is_kept_by_a_stage_that_is_not_as_told(scenario: str, how: str) -> None:
    tables = {
        "microscope": {"scenario": scenario},
        "detector": {"name": "blobs"},
        "target": {"point_um": [0.0, 0.0]},
        "session": {"seed": 1},
    }
    config, simulated = complete(tables)
    assert simulated is not None
    told = simulated.scenario
    true = msgspec.structs.replace(told, stage=otherwise(told.stage, how))
    world = Simulation(scenario, true, None, STARTS_UM[scenario]).world(1)
    with LockstepMicroscope(world, config.stand(scenario), VirtualClock()) as microscope:
        steps = list(islice(make_loop(config, microscope).steps(), 90))
    assert len({step.decision.target for step in steps[2:]}) == 1
    for step in steps[70:]:
        truth = truth_about(step.frame, step.reports)
        assert step.decision.seen_um is not None
        offset_um = np.subtract(step.decision.seen_um, step.decision.pose_um[:2])
        assert np.hypot(*(offset_um - (truth.x_um, truth.y_um))) < 5.0
        assert np.hypot(truth.x_um, truth.y_um) < 20.0
