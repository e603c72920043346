"""Moves that are planned late are still made."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from pursuit.controller.loop.move_sender import MoveSender
from pursuit.controller.policies import Horizon, Plan
from pursuit.drivers.clock import NS_PER_MS, VirtualClock
from pursuit.drivers.messages import Frame, Issued, Move, StagePose
from pursuit.drivers.microscope import Microscope
from pursuit.sim.stand import LockstepMicroscope, World, load_scenario


class Outbox:
    """A microscope of which only the moves that it is sent count."""

    def __init__(self) -> None:
        self.moves: list[Move] = []

    def move(self, move: Move) -> None:
        self.moves.append(move)


@pytest.mark.parametrize("late_ms", [2, 240, 900])
@pytest.mark.parametrize("plan", [Plan(np.array([3.0, 4.0])), Plan(velocity_um_s=np.ones(2))])
def test_a_move_lasts_from_its_plan_however_long_the_look_took(plan: Plan, late_ms: int) -> None:
    scenario = load_scenario("swimmer")
    about = LockstepMicroscope(World(scenario, 1), scenario.stand("s"), VirtualClock()).describe()
    horizon, outbox = Horizon(about), Outbox()
    frame = Frame(
        *(np.zeros((8, 8), np.uint8), 0, 0, 4 * NS_PER_MS, 4.0, StagePose(0, 0, 0, 0)),
        arrived_ns=4 * NS_PER_MS,
    )
    horizon.see(frame)
    planned_ns = frame.readable_ns + late_ms * NS_PER_MS
    horizon.begin_plan(frame, planned_ns)
    MoveSender(cast(Microscope, outbox), horizon).carry_out(plan, None, frame)
    (sent,) = outbox.moves
    assert planned_ns + 100 * NS_PER_MS <= sent.expires_ns <= planned_ns + 300 * NS_PER_MS
    horizon.learn(Issued(0, 0, planned_ns, planned_ns + NS_PER_MS, sent.x_um, sent.y_um, None))
    assert horizon.latency_ns == (late_ms + 1) * NS_PER_MS
