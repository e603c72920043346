"""Speed of the simulator: a frame of a crowded field, beside pymmcore-plus's on the same scene."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from pymmcore_plus import CMMCorePlus
from pymmcore_plus.experimental.simulate import Point, RenderConfig, Sample

from ....drivers.clock import NS_PER_MS
from ....drivers.messages import Image
from ....drivers.microscope import MicroscopeError
from ....sim.imaging import Optics, OpticsSettings, Sensor, SensorSettings
from ....sim.motion import Persistent
from ....sim.specimen import Specimen, SpecimenSettings
from ....sim.stand import RenderedScene, Scenario
from ..report import Row

# Chosen: a field of a hundred swimming cells, each 12 pixels across, visibly blurred by defocus
# and by 4 pixels of motion: the frame for which the simulator is meant to take a millisecond.
SIZE_PX = 512
OBJECTS = 100
PIXEL_UM = 1.0
RADIUS_UM = 6.0
DEFOCUS_UM = 8.0
EXPOSURE_MS = 10.0
SEED = 1
SPEED_UM_S = 400.0

TURN = 10
"""Frames of one contender before the next; chosen: enough for caches to fill."""

COLD = 2
"""Frames of a turn that do not count, while caches fill."""

DEMO_EXPOSURE_MS = 2.0
"""Chosen: shorter than the demo camera takes for a picture."""
DEMO_QUANTUM_EFFICIENCY = 0.8
"""Of pymmcore-plus's simulated camera, as it comes."""
FLUX_UNIT = 100 / 1000
"""Photons per ms and pixel that pymmcore-plus makes of one unit of the demo's flux."""

DEFOCUS_SCALE = 0.5 * math.tan(math.asin(OpticsSettings().na)) / PIXEL_UM
"""Blur in pixels per µm of defocus that is ours."""

Shape = Literal["spot", "cell"]
Timings = dict[str, list[float]]


def run(frames: int = 100) -> list[Row]:
    """Time frames of 512 x 512 pixels with 100 objects, out of focus and with shot noise.

    The scene is the same: pymmcore-plus draws discs and blurs the picture once, Pursuit
    draws spots, which are Gaussians of a disc's size; the number of objects, their places,
    size, light and defocus agree, and nothing glows between them. Pursuit also moves its
    objects, smears them over the exposure of 10 ms in as many instants as its renderer
    chooses, and keeps the stage on the first of them, so that all stay in the field. A row
    of its own is for "cells", which have nine parts each. What is timed is the exposure of
    the simulated camera; for "optics" and "sensor" it is those alone.

    pymmcore-plus is used as its documentation shows, through a core with Micro-Manager's
    demo camera as it comes. That camera spends some 4 ms on a picture that is not seen, for
    which every user waits, and waits for the end of the exposure meanwhile. So it exposes
    for 2 ms under a brighter lamp: the light is the same, and the exposure costs nothing.
    "Render only" is the renderer alone, with a state of the core that was read once.

    All take turns in one process and on one core, so that a busy computer slows all alike.

    Rows are of ``who``, ``ms_per_frame`` (median) and ``ratio`` (to that of Pursuit).

    Raises
    ------
    MicroscopeError
        If the Micro-Manager demo devices are not installed.
    """
    spots, cells, parts = _Camera("spot"), _Camera("cell"), _Parts()
    sample, flux = _sample(parts.specimen)
    with _one_thread(), _demo_core(flux) as core, sample.patch(core):
        state = core.state()
        turns = (
            {"pursuit": spots.snap},
            {"pursuit: optics": parts.optics, "pursuit: sensor": parts.sensor},
            {"pursuit: cells": cells.snap},
            {"pymmcore-plus simulate": lambda: _snap(core)},
            {"pymmcore-plus simulate: render only": lambda: sample.render(state)},
        )
        times: Timings = {}
        for _ in range(frames // TURN):
            for turn in turns:
                _time(turn, times)
    medians = {who: float(np.median(values)) for who, values in times.items()}
    return [
        {"who": who, "ms_per_frame": ms, "ratio": ms / medians["pursuit"]}
        for who, ms in medians.items()
    ]


class _Camera:
    """Pursuit's simulated camera, above a stage that keeps to the first object."""

    def __init__(self, shape: Shape) -> None:
        self._scene = RenderedScene(_scenario(shape), *np.random.default_rng(SEED).spawn(2))
        self._stage_um = np.array([0.0, 0.0, -DEFOCUS_UM])
        self._start_ns = 0

    def snap(self) -> Image:
        image, truth_um = self._scene.expose(
            self._start_ns, EXPOSURE_MS, lambda age_ns: self._stage_um
        )
        self._stage_um = self._stage_um + np.array([truth_um[0], truth_um[1], 0.0])
        self._start_ns += round(EXPOSURE_MS * NS_PER_MS)
        return image


class _Parts:
    """What the simulated camera is made of, on one exposure again and again."""

    def __init__(self) -> None:
        scenario = _scenario("spot")
        motion, noise = np.random.default_rng(SEED).spawn(2)
        assert scenario.specimen is not None
        self.specimen = Specimen(scenario.specimen, motion)
        self._optics = Optics(scenario.optics)
        self._sensor = Sensor(scenario.sensor, noise)
        self._electrons = np.empty((SIZE_PX, SIZE_PX), np.float32)
        fastest_um_s = float(np.hypot(*self.specimen.state[:, 3:5].T).max())
        count = self._optics.subsamples(self.specimen, fastest_um_s * EXPOSURE_MS / 1000)
        step_ns = round(EXPOSURE_MS * NS_PER_MS / count)
        self._at_um = np.stack([self.specimen.advance(i * step_ns) for i in range(count)])
        self._at_um[..., 2] += DEFOCUS_UM

    def optics(self) -> None:
        self._optics.render(self._at_um, self.specimen, EXPOSURE_MS, self._electrons)

    def sensor(self) -> Image:
        return self._sensor.read(self._electrons)


def _scenario(shape: Shape) -> Scenario:
    specimen = SpecimenSettings(
        motion=Persistent(speed_um_s=SPEED_UM_S, persistence_s=0.2),
        count=OBJECTS,
        shape=shape,
        radius_um=RADIUS_UM,
        brightness_spread=0.3,
        background=0.0,
        area_um=SIZE_PX * PIXEL_UM,
        endless=True,
    )
    return Scenario(
        title="A crowded field",
        specimen=specimen,
        optics=OpticsSettings(pixel_um=PIXEL_UM),
        sensor=SensorSettings(width_px=SIZE_PX, height_px=SIZE_PX),
    )


def _sample(specimen: Specimen) -> tuple[Sample, float]:
    """Return the objects as pymmcore-plus would draw them, and the demo's flux for their light."""
    brightest = float(specimen.brightness.max())
    greys = np.clip(specimen.brightness / brightest * 255, 1, 255).astype(int)
    points = [
        Point(float(x), float(y), intensity=int(grey), radius=RADIUS_UM)
        for (x, y, _), grey in zip(specimen.positions_um, greys, strict=True)
    ]
    config = RenderConfig(
        shot_noise=True, defocus_scale=DEFOCUS_SCALE, base_blur=0.5, random_seed=1
    )
    electrons = brightest * EXPOSURE_MS / (math.pi * (RADIUS_UM / PIXEL_UM) ** 2)
    flux = electrons / DEMO_QUANTUM_EFFICIENCY / DEMO_EXPOSURE_MS / FLUX_UNIT
    return Sample(points, config=config), flux


def _snap(core: CMMCorePlus) -> Image:
    core.snapImage()
    return core.getImage()


@contextmanager
def _demo_core(flux: float) -> Iterator[CMMCorePlus]:
    """Load Micro-Manager's demo microscope at the scene's pixel size, focus and light."""
    try:
        from mm_test_adapters import device_adapter_path
    except ImportError as error:
        raise MicroscopeError(
            "Comparing needs Micro-Manager's demo devices: pip install 'pursuit[test]'."
        ) from error
    folder = str(device_adapter_path())
    core = CMMCorePlus()
    try:
        core.setDeviceAdapterSearchPaths([folder])
        core.loadSystemConfiguration(Path(folder) / "MMConfig_demo.cfg")
        camera = core.getCameraDevice()
        core.setProperty(camera, "PixelType", "16bit")
        core.setProperty(camera, "BitDepth", "16")
        core.setProperty(camera, "OnCameraCCDXSize", SIZE_PX)
        core.setProperty(camera, "OnCameraCCDYSize", SIZE_PX)
        core.setProperty(camera, "Photon Flux", flux)
        core.setExposure(DEMO_EXPOSURE_MS)
        core.setZPosition(DEFOCUS_UM)
        yield core
    finally:
        core.reset()


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _time(turn: dict[str, Callable[[], Any]], times: Timings) -> None:
    for i in range(COLD + TURN):
        for who, work in turn.items():
            start_ns = time.perf_counter_ns()
            work()
            if i >= COLD:
                times.setdefault(who, []).append((time.perf_counter_ns() - start_ns) / NS_PER_MS)
