"""From a world to a core with all its devices in their roles."""

from __future__ import annotations

from pymmcore_plus import CMMCorePlus
from pymmcore_plus.experimental.unicore import UniMMCore

from ....drivers.clock import Clock, SystemClock
from ..world import World
from .camera import SimCamera
from .light import FULL, INTENSITY, SimLight
from .stages import SimFocus, SimXYStage
from .world_time import CAMERA, FOCUS, LIGHT, XY_STAGE, WorldTime

_CHANNELS = {"Full light": FULL, "Low light": FULL / 5}
"""Presets of the group ``Channel``, with the intensity of the light in per cent. Chosen."""
_OBJECTIVE = "Simulated objective"
"""Name of the pixel size preset."""


def load_simulator(world: World, clock: Clock | None = None) -> CMMCorePlus:
    """Return a core whose camera, XY stage, focus drive and light source are those of a world.

    It has a pixel size preset with the affine, and a channel group.

    Parameters
    ----------
    world : World
        Its time begins now.
    clock : Clock, optional
        The host's clock by default.
    """
    time = WorldTime(clock or SystemClock())
    core, light = UniMMCore(), SimLight()

    def light_now() -> float:
        return light.share if core.getAutoShutter() or light.get_open() else 0.0

    core.loadPyDevice(CAMERA, SimCamera(world, time, light_now))
    core.loadPyDevice(XY_STAGE, SimXYStage(world.xy, time))
    core.loadPyDevice(FOCUS, SimFocus(world.focus, time))
    core.loadPyDevice(LIGHT, light)
    core.initializeAllDevices()
    core.setCameraDevice(CAMERA)
    core.setXYStageDevice(XY_STAGE)
    core.setFocusDevice(FOCUS)
    core.setShutterDevice(LIGHT)
    _define_presets(core, world)
    return core


def _define_presets(core: UniMMCore, world: World) -> None:
    scenario = world.scenario
    a, b, c, d = scenario.affine
    core.definePixelSizeConfig(_OBJECTIVE)
    core.setPixelSizeUm(_OBJECTIVE, scenario.optics.pixel_um)
    core.setPixelSizeAffine(_OBJECTIVE, [a, b, 0.0, c, d, 0.0])
    core.setPixelSizeConfig(_OBJECTIVE)
    core.defineConfigGroup("Channel")
    for name, percent in _CHANNELS.items():
        core.defineConfig("Channel", name, LIGHT, INTENSITY, str(percent))
    core.setChannelGroup("Channel")
