"""Speed of the simulator: a frame of a crowded field, beside pymmcore-plus's on the same scene."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pymmcore_plus import CMMCorePlus
from pymmcore_plus.experimental.simulate import Point, RenderConfig, Sample

from ...drivers.clock import NS_PER_MS
from ...drivers.messages import Image
from ...drivers.microscope import MicroscopeError
from ...sim.motion import Persistent
from ...sim.optics import Optics, OpticsSettings
from ...sim.sensor import Sensor, SensorSettings
from ...sim.specimen import Specimen, SpecimenSettings

SIZE_PX = 512
OBJECTS = 100
PIXEL_UM = 1.0
RADIUS_UM = 6.0
DEFOCUS_UM = 8.0
EXPOSURE_MS = 10.0
SPEED_UM_S = 400.0

TURN = 10
"""Frames before it is the other's turn."""

SHORT_MS = 1.0
PHOTON_FLUX = 4000
"""The demo camera sleeps through its exposure: it gets a short one and more light instead."""

Timings = dict[str, list[float]]


def run(frames: int = 100, seed: int = 1) -> list[dict[str, Any]]:
    """Time frames of 512 x 512 pixels with 100 cells, out of focus and with shot noise.

    Pursuit also moves the cells and smears them over the exposure, which the other cannot.
    The other is used as its documentation shows, through a core with the demo camera, whose
    exposure of 1 ms is part of its time; its renderer is also timed alone, with a state that
    was read once. Both take turns on one thread, so that a busy computer slows both alike.

    Parameters
    ----------
    frames : int
        Frames of each, after a few that do not count.
    seed : int
        Of the scene.

    Returns
    -------
    list of dict
        Rows of ``who``, ``ms_per_frame`` (median) and ``ratio`` (to that of Pursuit).

    Raises
    ------
    MicroscopeError
        If the Micro-Manager demo devices are not installed.
    """
    specimen_rng, noise_rng = np.random.default_rng(seed).spawn(2)
    specimen = Specimen(_scene(), specimen_rng)
    camera = _Camera(specimen, noise_rng)
    times: Timings = {}
    with _one_thread(), _demo_core() as core:
        sample = _sample(specimen)
        with sample.patch(core):
            state = core.state()
            for _ in range(5):
                camera.snap({})
                _snap(core)
            for i in range(0, frames, TURN):
                for _ in range(min(TURN, frames - i)):
                    _timed(times, "pursuit", lambda: camera.snap(times))
                for _ in range(min(TURN, frames - i)):
                    _timed(times, "pymmcore-plus simulate", lambda: _snap(core))
                    _timed(times, "pymmcore-plus simulate: render", lambda: sample.render(state))
    return _rows(times)


class _Camera:
    """Pursuit's simulator as its camera uses it, in parts that can be timed."""

    def __init__(self, specimen: Specimen, noise: np.random.Generator) -> None:
        sensor = SensorSettings(width_px=SIZE_PX, height_px=SIZE_PX)
        self._specimen = specimen
        self._optics = Optics(OpticsSettings(pixel_um=PIXEL_UM))
        self._sensor = Sensor(sensor, noise)
        self._electrons = np.empty((SIZE_PX, SIZE_PX), np.float32)
        self._at_ns = 0

    def snap(self, times: Timings) -> Image:
        travel_um = SPEED_UM_S * EXPOSURE_MS / 1000
        count = self._optics.subsamples(self._specimen, travel_um)
        step_ns = round(EXPOSURE_MS * NS_PER_MS / count)
        positions_um = np.empty((count, OBJECTS, 3))
        for i in range(count):
            self._at_ns += step_ns
            positions_um[i] = self._specimen.advance(self._at_ns)
        positions_um[:, :, 2] += DEFOCUS_UM
        _timed(
            times,
            "pursuit: optics",
            lambda: self._optics.render(positions_um, self._specimen, EXPOSURE_MS, self._electrons),
        )
        self._specimen.expose(EXPOSURE_MS)
        return _timed(times, "pursuit: sensor", lambda: self._sensor.read(self._electrons))


def _scene() -> SpecimenSettings:
    return SpecimenSettings(
        motion=Persistent(speed_um_s=SPEED_UM_S, persistence_s=0.2),
        count=OBJECTS,
        radius_um=RADIUS_UM,
        brightness_spread=0.3,
        area_um=SIZE_PX * PIXEL_UM,
        endless=True,
    )


def _sample(specimen: Specimen) -> Sample:
    """Return the same objects as pymmcore-plus would draw them."""
    greys = np.clip(specimen.brightness / specimen.brightness.max() * 255, 1, 255).astype(int)
    points = [
        Point(float(x), float(y), intensity=int(grey), radius=RADIUS_UM)
        for (x, y, _), grey in zip(specimen.positions_um, greys, strict=True)
    ]
    config = RenderConfig(shot_noise=True, defocus_scale=0.25, base_blur=0.5, random_seed=1)
    return Sample(points, config=config)


def _snap(core: CMMCorePlus) -> Image:
    core.snapImage()
    return core.getImage()


@contextmanager
def _demo_core() -> Iterator[CMMCorePlus]:
    """Load Micro-Manager's demo microscope at the scene's pixel size, focus and exposure."""
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
        core.setProperty(camera, "Photon Flux", PHOTON_FLUX)
        core.setExposure(SHORT_MS)
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


def _timed(times: Timings, who: str, work: Callable[[], Any]) -> Any:
    start_ns = time.perf_counter_ns()
    result = work()
    times.setdefault(who, []).append((time.perf_counter_ns() - start_ns) / NS_PER_MS)
    return result


def _rows(times: Timings) -> list[dict[str, Any]]:
    medians = {who: float(np.median(values)) for who, values in times.items()}
    return [
        {"who": who, "ms_per_frame": ms, "ratio": ms / medians["pursuit"]}
        for who, ms in sorted(medians.items())
    ]
