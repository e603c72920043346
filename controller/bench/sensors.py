"""Scenarios of the package seen by other cameras."""

from pathlib import Path

import msgspec
import tomli_w

from ...sim.stand import load_scenario
from ..configuration import without_none


def with_camera(
    name: str,
    folder: Path,
    size_px: int,
    bits: int | None = None,
    frame_rate: float | None = None,
    processing_ms: float | None = None,
) -> Path:
    """Write a scenario with a camera of another size, type or rate; return the file.

    The exposure stays as it is unless the interval is shorter. Where several objects move about,
    they have the same area as before.

    Parameters
    ----------
    name : str
        Of a scenario.
    folder : Path
        Where the file goes.
    size_px : int
        Width and height of a frame.
    bits : int, optional
        Of a grey value.
    frame_rate : float, optional
        Frames per second.
    processing_ms : float, optional
        As in `Scenario`.
    """
    scenario, change = load_scenario(name), msgspec.structs.replace
    sensor = change(scenario.sensor, width_px=size_px, height_px=size_px)
    sensor = change(sensor, bits=bits) if bits else sensor
    camera = scenario.camera
    if frame_rate:
        interval_ms = 1e3 / frame_rate
        exposure_ms = min(camera.exposure_ms, interval_ms)
        camera = change(camera, interval_ms=interval_ms, exposure_ms=exposure_ms)
    late_ms = scenario.processing_ms if processing_ms is None else processing_ms
    changed = change(scenario, sensor=sensor, camera=camera, processing_ms=late_ms)
    path = folder / f"{Path(name).stem}-{size_px}.toml"
    path.write_text(tomli_w.dumps(without_none(msgspec.to_builtins(changed))), encoding="utf-8")
    return path
