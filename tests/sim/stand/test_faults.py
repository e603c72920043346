"""Faults of a stand come and go when they should, and do what they say."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from pursuit.drivers.clock import NS_PER_S
from pursuit.sim.stand import Scenario, World, load_scenario
from pursuit.sim.stand.faults import FaultSettings, Kind


def world(kind: Kind) -> World:
    """A stand with a fault from 1 to 2 s, of which one picture was taken."""
    fault = FaultSettings(kind, 1.0, 2.0, velocity_um_s=(30.0, 0.0))
    scenario = msgspec.structs.replace(load_scenario("nucleus"), faults=(fault,))
    stand = World(scenario, 1)
    stand.expose(0, 10.0)
    return stand


def path_um(stand: World, seconds: list[float]) -> tuple[list[float], list[float]]:
    """Send the stage by 10 µm every half a second; return where its encoder and its load are."""
    encoder, load = [], []
    for at_s in seconds:
        at_ns = round(at_s * NS_PER_S)
        encoder.append(stand.xy.encoder_um(at_ns)[0])
        load.append(stand.xy.position_um(at_ns)[0])
        stand.xy.command(at_ns, 20.0 * at_s, 0.0)
    return encoder, load


TIMES_S = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]


def test_a_drive_that_jams_stays_and_goes_on_afterwards() -> None:
    encoder, _ = path_um(world("jams"), TIMES_S)
    assert encoder == pytest.approx([0, 0, 10, 10, 10, 40, 50])


def test_a_load_that_slips_stays_while_the_drive_moves() -> None:
    encoder, load = path_um(world("slips"), TIMES_S)
    assert encoder == pytest.approx([0, 0, 10, 20, 30, 40, 50])
    assert np.allclose(load, [0, 0, 10, 10, 10, 20, 30], atol=1.0)


def test_a_hand_moves_the_drive_which_takes_no_commands_meanwhile() -> None:
    encoder, _ = path_um(world("hand"), TIMES_S)
    assert np.allclose(encoder, [0, 0, 10, 25, 40, 40, 50], atol=1.0)


def test_a_device_that_refuses_says_so() -> None:
    stand = world("refuses")
    stand.xy.command(0, 5.0, 0.0)
    with pytest.raises(RuntimeError, match="unrecognized answer"):
        stand.xy.command(NS_PER_S, 5.0, 0.0)
    stand.xy.command(2 * NS_PER_S, 5.0, 0.0)


def test_a_camera_repeats_its_last_picture_in_new_memory() -> None:
    stand = world("repeats")
    first, second, third, fourth = (
        stand.expose(round(at_s * NS_PER_S), 10.0)[0] for at_s in (0.9, 1.1, 1.3, 2.1)
    )
    assert np.array_equal(first, second)
    assert np.array_equal(first, third)
    assert not np.may_share_memory(first, second)
    assert not np.array_equal(first, fourth)


def test_faults_can_be_written_into_a_scenario() -> None:
    text = 'title = "T"\nfaults = [{ kind = "jams", from_s = 3.0 }]'
    assert msgspec.toml.decode(text, type=Scenario).faults == (FaultSettings("jams", 3.0),)
    with pytest.raises(ValueError, match="less than to_s"):
        FaultSettings("jams", 2.0, 1.0)
