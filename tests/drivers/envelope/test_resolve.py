"""What user and facility say becomes one envelope; what is wrong is said in one sentence."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pursuit.drivers.envelope import Envelope, Limits, LimitSettings, facility_limits, resolved
from pursuit.drivers.microscope import MicroscopeError

HERE = (100.0, -50.0, 7.0)


@pytest.fixture(autouse=True)
def no_facility(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PURSUIT_FACILITY", raising=False)
    monkeypatch.setattr(
        "pursuit.drivers.envelope.facility.site_config_dir",
        lambda name, multipath: os.pathsep.join((str(tmp_path / "none"), str(tmp_path / name))),
    )


def limits(**given: Any) -> Limits:
    return resolved(msgspec.convert(given, LimitSettings), HERE)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_without_any_it_is_2000_and_20_um_around_the_start() -> None:
    found = limits()
    assert found.limits_um == ((-1900.0, 2100.0), (-2050.0, 1950.0), (-13.0, 27.0))
    assert not found.restrictions.inside and not found.restrictions.facility


def test_what_bounds_an_axis_takes_the_place_of_its_default() -> None:
    assert limits(x_um=(0, 9e4)).limits_um[:2] == ((0.0, 9e4), (-2050.0, 1950.0))
    circle = {"x_um": 0, "y_um": 0, "radius_um": 5000}
    assert limits(circle=circle).limits_um[:2] == ((-5000.0, 5000.0),) * 2
    assert limits(circle=circle, y_um=(-9, 9)).limits_um[1] == (-9.0, 9.0)
    assert limits(radius_um=300).limits_um[:2] == ((-200.0, 400.0), (-350.0, 250.0))
    assert limits(z_relative_um=(-1, 2)).limits_um[2] == (6.0, 9.0)
    assert limits(z_relative_um=(-1, 2), z_um=(6.5, 90)).limits_um[2] == (6.5, 9.0)


def test_a_facility_narrows_and_nothing_widens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
    [limits]
    x_um = [0, 1000]
    step_um = 50
    keep_out = [{ circle = { x_um = 500, y_um = 0, radius_um = 10 } }]
    """
    path = write(tmp_path / "facility.toml", text)
    monkeypatch.setenv("PURSUIT_FACILITY", str(path))
    wide = limits(x_um=(-1e5, 1e5), step_um=900, return_inside=True)
    assert wide.limits_um[0] == (0.0, 1000.0)
    assert wide.restrictions.step_um == 50
    assert not wide.restrictions.return_inside
    assert wide.restrictions.facility == str(path.resolve())
    envelope = Envelope(*wide)
    assert f"x_um in {path.resolve()}" in envelope.problem(HERE, (-1.0, None, None))
    assert "step_um in" in envelope.problem(HERE, (200.0, None, None))
    assert "keep_out[0] in" in envelope.problem((490.0, -15.0, 7.0), (500.0, -5.0, None))
    assert limits(x_um=(50, 150), step_um=5).limits_um[0] == (50.0, 150.0)
    assert limits(step_um=5).restrictions.step_um == 5
    assert limits().limits_um[0] == (0.0, 1000.0)


def test_the_machine_has_a_file_of_its_own(tmp_path: Path) -> None:
    assert facility_limits() is None
    path = write(tmp_path / "pursuit" / "facility.toml", "[limits]\nradius_um = 10\n")
    found = facility_limits()
    assert found == (str(path.resolve()), LimitSettings(radius_um=10))


@pytest.mark.parametrize(
    "text", ["", "[limits", "[limit]\n", "[limits]\nx_um = [1, 0]\n", "[stage]\n[limits]\n", None]
)
def test_a_facility_file_that_cannot_be_used_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    path = tmp_path / "facility.toml"
    if text is not None:
        write(path, text)
    monkeypatch.setenv("PURSUIT_FACILITY", str(path))
    with pytest.raises(MicroscopeError, match=r"facility's file .* cannot be used: .*correct it"):
        limits()


@pytest.mark.parametrize(
    "given",
    [
        {"circle": {"x_um": 0, "y_um": 0, "radius_um": 10}, "x_um": [50, 60]},
        {"polygon": [[0, 0], [1, 0], [0, 1]], "radius_um": 5},
        {"radius_um": 5, "keep_out": [{"x_um": [-900, 900], "y_um": [-900, 900]}]},
    ],
)
def test_limits_that_exclude_each_other_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(MicroscopeError, match=r"No place is left .* under \[limits\].*change"):
        limits(**given)


def test_ranges_that_exclude_each_other_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MicroscopeError, match=r"No z is left .*z_um"):
        limits(z_um=(100, 200), z_relative_um=(-1, 1))
    path = write(tmp_path / "facility.toml", "[limits]\nx_um = [0, 10]\n")
    monkeypatch.setenv("PURSUIT_FACILITY", str(path))
    with pytest.raises(MicroscopeError, match=r"No x is left .*x_um in .*facility\.toml"):
        limits(x_um=(20, 30))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"x_um": [1, 1]}, "x_um must be .*low < high"),
        ({"y_um": [math.nan, 1]}, "y_um must be .*finite"),
        ({"z_um": [-math.inf, math.inf]}, "z_um must be .*finite"),
        ({"z_relative_um": [1, 2]}, "z_relative_um must contain 0"),
        ({"step_um": 0}, "step_um must be a positive"),
        ({"focus_step_um": math.nan}, "focus_step_um must be a positive"),
        ({"radius_um": math.inf}, "radius_um must be a positive"),
        ({"polygon": [[0, 0], [1, 0]]}, "polygon must have 3 different corners"),
        ({"polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]}, "polygon must not cross"),
        ({"polygon": [[0, 0], [1, 1], [2, 2]]}, "polygon must not cross"),
        ({"polygon": [[0, 0], [1, math.nan], [2, 2]]}, "polygon must be .*finite"),
        ({"circle": {"x_um": math.nan, "y_um": 0, "radius_um": 1}}, "circle must be finite"),
        ({"circle": {"x_um": 0, "y_um": 0, "radius_um": -1}}, "radius_um must be a positive"),
        ({"keep_out": [{}]}, "exactly one of a box"),
        ({"keep_out": [{"x_um": [0, 1]}]}, "needs x_um and y_um"),
        ({"keep_out": [{"x_um": [0, 1], "y_um": [1, 0]}]}, "y_um of a zone in keep_out"),
        ({"keep_out": [{"polygon": [[0, 0]]}]}, "polygon of a zone in keep_out"),
    ],
)
def test_what_makes_no_sense_names_its_key(given: dict[str, Any], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(given, LimitSettings)
