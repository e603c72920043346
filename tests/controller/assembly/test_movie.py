"""A movie under the simulated camera: how much of it is seen at a time, and until when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from pursuit.controller.assembly import Simulation, complete

FRAMES = 5


def simulated(tmp_path: Path, sides_px: tuple[int, int], **tables: Any) -> Simulation:
    path = tmp_path / "movie.tif"
    width, height = sides_px
    tifffile.imwrite(path, np.zeros((FRAMES, height, width), np.uint8), metadata={"axes": "TYX"})
    source = {"specimen": str(path), **tables.pop("microscope", {})}
    _, simulation = complete({"microscope": source, **tables})
    assert simulation is not None
    return simulation


@pytest.mark.parametrize(
    ("sides_px", "field_px"),
    [((2048, 2048), 256), ((600, 480), 240), ((234, 234), 117), ((100, 90), 64), ((50, 40), 64)],
)
def test_the_field_is_smaller_than_the_movie_it_moves_in(
    tmp_path: Path, sides_px: tuple[int, int], field_px: int
) -> None:
    sensor = simulated(tmp_path, sides_px).scenario.sensor
    assert (sensor.width_px, sensor.height_px) == (field_px, field_px)


def test_a_field_larger_than_the_movie_is_told(tmp_path: Path) -> None:
    told = simulated(tmp_path, (234, 200), microscope={"field_px": 256}).note
    assert "The field of 256 px is larger than movie.tif, 234 x 200 px" in told
    assert "larger" not in simulated(tmp_path, (234, 200), microscope={"field_px": 200}).note


@pytest.mark.parametrize(("wanted", "lasts_s"), [(None, 10.0), (3.0, 3.0), (40.0, 10.0)])
def test_a_session_ends_with_its_movie(
    tmp_path: Path, wanted: float | None, lasts_s: float
) -> None:
    session = {} if wanted is None else {"seconds": wanted}
    simulation = simulated(tmp_path, (90, 80), microscope={"interval_s": 2.0}, session=session)
    assert simulation.lasts_s(wanted) == lasts_s
    assert ("ends after 10 s" in simulation.note) == (wanted == 40.0)
