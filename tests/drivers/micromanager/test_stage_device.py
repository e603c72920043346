"""How moves reach the devices of Micro-Manager."""

from __future__ import annotations

from typing import Any

import pytest
from pursuit.drivers.micromanager.stage_device import CoreStageDevice
from pursuit.drivers.settings import StageSettings

SETTINGS = StageSettings(
    velocity_x="XY,VX (mm/s)",
    velocity_y="Other, VY (mm/s)",
    velocity_unit_um_s=(1_000.0, -1_000.0),
)


class Core:
    """A list of calls."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.fails = ""
        self.busy: set[str] = set()

    def setProperty(self, device: str, name: str, value: float) -> None:  # noqa: N802
        self.calls.append((device, name, value))
        if name == self.fails:
            raise RuntimeError("no answer")

    def setXYPosition(self, label: str, x: float, y: float) -> None:  # noqa: N802
        self.calls.append((label, x, y))

    def setPosition(self, label: str, z: float) -> None:  # noqa: N802
        self.calls.append((label, z))

    def getXYPosition(self, label: str) -> list[float]:  # noqa: N802
        return [1.0, 2.0]

    def getPosition(self, label: str) -> float:  # noqa: N802
        return 3.0

    def deviceBusy(self, label: str) -> bool:  # noqa: N802
        return label in self.busy

    def stop(self, label: str) -> None:
        self.calls.append((label, "stop"))


def opened(settings: StageSettings = SETTINGS, focus: str = "Z") -> tuple[Any, CoreStageDevice]:
    core: Any = Core()
    return core, CoreStageDevice(core, "XY", focus, settings)


def test_a_velocity_is_given_in_units_of_the_properties() -> None:
    core, device = opened()
    assert device.takes_velocity
    device.set_velocity(100.0, 50.0)
    assert core.calls == [("XY", "VX (mm/s)", 0.1), ("Other", "VY (mm/s)", -0.05)]
    assert not opened(StageSettings())[1].takes_velocity


@pytest.mark.parametrize("name", ["VX (mm/s)", "VY (mm/s)"])
def test_the_other_axis_is_told_all_the_same_if_one_fails(name: str) -> None:
    core, device = opened()
    core.fails = name
    with pytest.raises(RuntimeError, match="no answer"):
        device.set_velocity(0.0, 0.0)
    assert len(core.calls) == 2


def test_positions_and_stops_go_to_the_labelled_devices() -> None:
    core, device = opened()
    device.send_xy(1.0, 2.0)
    device.send_focus(3.0)
    device.stop_xy()
    device.stop_focus()
    assert core.calls == [("XY", 1.0, 2.0), ("Z", 3.0), ("XY", "stop"), ("Z", "stop")]
    assert (device.read_xy(), device.read_focus()) == ((1.0, 2.0), 3.0)
    for label in ("XY", "Z"):
        core.busy = {label}
        assert (device.xy_busy(), device.focus_busy()) == (label == "XY", label == "Z")


def test_without_a_focus_drive_nothing_is_asked_of_it() -> None:
    core, device = opened(focus="")
    device.send_focus(3.0)
    device.stop_focus()
    core.busy = {""}
    assert not device.focus_busy()
    assert (core.calls, device.read_focus()) == ([], 0.0)


def test_settings_that_cannot_be_meant_are_refused() -> None:
    for wrong in (
        {"velocity_x": "XY,VX"},
        {"velocity_x": "XY", "velocity_y": "XY,VY"},
        {"velocity_x": "XY,VX", "velocity_y": "XY,VY", "velocity_unit_um_s": (0.0, 1.0)},
    ):
        with pytest.raises(ValueError, match="velocity_"):
            StageSettings(**wrong)  # type: ignore[arg-type]
