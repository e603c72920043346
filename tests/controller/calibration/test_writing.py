"""A configuration keeps its comments, and no older version of it is lost."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pursuit.controller.calibration import Calibration, Finding, backup, write
from pursuit.controller.calibration.findings import delay, round_to

SCOPE = """\
# my stand
[microscope]
scenario = "crowd"  # for now

[camera]
# affine = [1, 0, 0, 1]
exposure_ms = 10  # short
"""


def calibration() -> Calibration:
    return Calibration(
        {
            "camera.affine": Finding((0.123456, -0.5, 0.5, 0.123456), (1e-4,) * 4),
            "stage.delay_ms": Finding((12.3456,), (0.04,)),
            "stage.ring_hz": Finding((50.0,), (40.0,), "Not found."),
        }
    )


def test_what_was_found_is_written_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "scope.toml"
    path.write_text(SCOPE)
    assert write(path, calibration()) == ["camera.affine", "stage.delay_ms"]
    text = path.read_text("utf-8")
    for comment in ("# my stand", "# for now", "# short", "# affine = [1, 0, 0, 1]"):
        assert comment in text
    tables = tomllib.loads(text)
    assert tables["camera"] == {
        "exposure_ms": 10,
        "affine": [0.12346, -0.5, 0.5, 0.12346],
    }
    assert tables["stage"] == {"delay_ms": 12.346}
    assert write(path, calibration()) == ["camera.affine", "stage.delay_ms"]
    assert tomllib.loads(path.read_text("utf-8")) == tables


def test_no_backup_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "scope.toml"
    kept = []
    for text in ("first", "second", "third"):
        path.write_text(text)
        kept.append(backup(path))
    assert kept[0].name == "scope.toml.bak"
    assert [each.read_text() for each in kept] == ["first", "second", "third"]


@given(value=st.floats(-1e6, 1e6), share=st.floats(1e-6, 1.0))
def test_rounding_costs_less_than_a_tenth_of_the_error(value: float, share: float) -> None:
    sigma = abs(value) * share
    assert abs(round_to(value, sigma) - value) <= 0.1 * sigma + 1e-12


def test_what_was_not_found_is_not_rounded() -> None:
    assert math.isnan(round_to(math.nan, math.nan))
    assert math.isnan(round_to(math.nan, 0.1))


@given(st.floats(-100, 100), st.floats(0.01, 5))
def test_no_delay_is_written_that_a_configuration_refuses(ms: float, sigma_ms: float) -> None:
    """Nothing moves before its command: within its error a delay is zero, else it is refused."""
    found = delay(ms, sigma_ms)
    assert found.found == (ms >= -3 * sigma_ms)
    assert not found.found or found.values == (max(ms, 0.0),)
