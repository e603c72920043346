"""A microscope that runs already says what it is; a client sets nothing of the stand."""

from __future__ import annotations

from typing import Any

import pytest
from pursuit.controller.assembly import complete, complete_for_remote
from pursuit.controller.configuration import Config, ConfigError, read_tables

WHERE = "there:5710"


def opened(**tables: Any) -> str:
    """The configuration of a microscope that was opened with some tables."""
    config, _ = complete({"microscope": {"scenario": "nucleus"}, **tables})
    return config.toml()


def followed(settings: str, **tables: Any) -> Config:
    return complete_for_remote(tables, settings, WHERE)


def test_stand_and_task_are_those_of_the_microscope() -> None:
    server, _ = complete({"microscope": {"scenario": "nucleus"}})
    client = followed(opened())
    for table in ("microscope", "camera", "stage", "focus", "limits", "detector", "tracking"):
        assert getattr(client, table) == getattr(server, table)
    assert client.detector["diameter_um"] != complete({})[0].detector["diameter_um"]


def test_how_long_and_whether_it_moves_is_the_client_s_matter() -> None:
    settings = opened(session={"seconds": 7.0, "dry_run": True})
    assert not followed(settings).session.dry_run
    assert followed(settings).session.seconds is None
    assert followed(settings, session={"seconds": 3.0}).session.seconds == 3.0


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"camera": {"exposure_ms": 7.0}}, "camera.exposure_ms is 7.0 here, but"),
        ({"camera": {"pixel_um": 7.0}}, "opened with"),
        ({"limits": {"x_um": (-1.0, 1.0)}}, r"limits.x_um is \[-1.0, 1.0\] here"),
        ({"camera": {"label": "Cam"}}, "opened without one"),
        ({"focus": {"speed_um_s": 3.0}}, "focus.speed_um_s"),
        ({"microscope": {"scenario": "swimmer"}}, "swimmer here, but .* opened with nucleus"),
        ({"microscope": {"mm_config": "stand.cfg"}}, "mm_config is stand.cfg here"),
        ({"session": {"seed": 4}}, "session.seed is 4 here"),
    ],
)
def test_what_the_client_cannot_set_is_refused(tables: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        followed(opened(), **tables)
    assert WHERE in str(caught.value)


def test_a_copy_of_its_own_file_is_accepted(tmp_path: Any) -> None:
    copy = tmp_path / "copy.toml"
    copy.write_text(opened(), "utf-8")
    assert followed(opened(), **read_tables(copy)) == complete(read_tables(copy))[0]


def test_a_file_that_lies_elsewhere_on_this_computer_is_the_same() -> None:
    settings = '[microscope]\nmm_config = "C:\\\\stands\\\\left.cfg"\n'
    assert followed(settings, microscope={"mm_config": "/home/me/left.cfg"})
    with pytest.raises(ConfigError, match=r"right\.cfg here"):
        followed(settings, microscope={"mm_config": "/home/me/right.cfg"})


def test_another_detector_keeps_the_size_only() -> None:
    settings = opened(detector={"name": "blobs", "polarity": "dark"})
    assert followed(settings, detector={"name": "blobs"}).detector["polarity"] == "dark"
    other = followed(settings, detector={"name": "template"}).detector
    assert set(other) == {"name", "diameter_um"}
    assert set(followed(settings, detector={"name": "mine:Mine"}).detector) == {"name"}
    told = followed(settings, detector={"diameter_px": 9.0}).detector
    assert told["diameter_px"] == 9.0 and "diameter_um" not in told


def test_code_that_the_microscope_names_is_not_run_here() -> None:
    settings = '[detector]\nname = "theirs:Detector"\n[predictor]\nname = "theirs:Predictor"\n'
    config = followed(settings)
    assert (config.detector["name"], config.predictor["name"]) == ("yolo", "auto")
    function = '[detector]\nname = "segmenter"\nfunction = "theirs:segment"\n'
    assert followed(function).detector == {"name": "yolo"}


def test_a_microscope_without_a_configuration_suggests_nothing() -> None:
    assert followed("") == Config()
    with pytest.raises(ConfigError, match="exposure_ms"):
        followed("", camera={"exposure_ms": 3.0})
