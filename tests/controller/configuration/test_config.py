"""The configuration: what a user may write, and what they are told if they may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from pursuit.controller.assembly import complete
from pursuit.controller.configuration import (
    Config,
    ConfigError,
    assignment,
    make_config,
    merge,
    read_tables,
)
from pursuit.sim.scenarios import scenario_names


def refusal(tables: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        make_config(tables)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("tables", "wrong", "near"),
    [
        ({"polcy": {}}, "polcy", "policy"),
        ({"STAGE": {}}, "STAGE", "stage"),
        ({"camera": {"exposur_ms": 3}}, "[camera]", "exposure_ms"),
        ({"limits": {"xum": [0, 1]}}, "[limits]", "x_um"),
        ({"policy": {"name": "reactive", "dead_um": 1}}, "policy 'reactive'", "deadband_um"),
        ({"policy": {"nme": "reactive"}}, "[policy]", "name"),
        ({"detector": {"Name": "blobs"}}, "[detector]", "name"),
        ({"policy": {"name": "predictiv"}}, "policy 'predictiv'", "predictive"),
        ({"target": {"choose": "center"}}, "target.choose", "centre"),
    ],
)
def test_a_wrong_word_names_the_nearest_known_one(
    tables: dict[str, Any], wrong: str, near: str
) -> None:
    text = refusal(tables)
    assert wrong in text
    assert f"did you mean {near!r}?" in text


@pytest.mark.parametrize("line", ['detector = "yolo"', "exposure_ms = 3"])
def test_a_setting_in_no_table_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "scope.toml"
    path.write_text(line, "utf-8")
    with pytest.raises(ConfigError, match=f"{line.split()[0]} = .* is in no table"):
        read_tables(path)


def test_a_word_like_no_other_gets_the_list() -> None:
    assert "'Nested' is not known: known are attention, camera," in refusal({"Nested": {}})
    assert "known are choose, count, daughter, point_um, reach_um, search_s." in refusal(
        {"target": {"xyzzy": 1}}
    )


@pytest.mark.parametrize(
    "setting",
    [
        *("camera.exposure_ms=-1", "camera.exposure_ms=nan", "camera.pixel_um=fine"),
        *("camera.affine=[1, 2]", "camera.affine=[1, 1, 1, 1]", "limits.x_um=[1, 0]"),
        *(
            "stage.speed_um_s=0",
            "stage.delay_ms=-1",
            "tracking.confirm_hits=0",
            "tracking.sigma_px=0",
        ),
        *(
            "tracking.sigma_px=0",
            "tracking.max_misses=-1",
            "policy.deadband_um=-1",
            "target.reach_um=-1",
        ),
        *("session.seconds=0", "session.seconds=nan", "session.seed=-1", "session.seed=1.5"),
        *("microscope.field_px=0", "microscope.interval_s=0", "microscope.start_px=[1]"),
        *("detector.name=5", "predictor.name=[]", "detector.diameter_um=wide"),
        *("camera.readout_ms=nan", "camera.readout_ms=-2", "camera.exposure_ms=1e12"),
        *("stage.delay_ms=6000", "stage.settle_ms=5000", "stage.speed_um_s=1e30"),
        *("stage.backlash_um=1000", "focus.backlash_um=30", "target.point_um=[nan, 0]"),
    ],
)
def test_a_wrong_value_names_its_key(setting: str) -> None:
    assert setting.partition("=")[0].partition(".")[2] in refusal(assignment(setting))


@pytest.mark.parametrize("table", ["camera", "detector", "policy"])
def test_a_value_in_place_of_a_table_names_it(table: str) -> None:
    assert f"at {table}:" in refusal({table: "blobs"})


@pytest.mark.parametrize(
    ("old", "new"),
    [("births", "confirm_hits"), ("coast_frames", "max_misses"), ("sure_score", "high_score")],
)
def test_a_renamed_key_names_the_new_one(old: str, new: str) -> None:
    text = refusal(assignment(f"tracking.{old}=1"))
    assert text == f"tracking.{old} is now called tracking.{new}: use the new name."


def test_the_configuration_of_an_old_session_says_all_that_is_to_change(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[tracking]\nbirths = 2\nsure_score = 0.0\ncoast_frames = 10\n", "utf-8")
    text = refusal(read_tables(path))
    assert text.startswith("tracking.births is now called tracking.confirm_hits, ")
    assert all(word in text for word in ("max_misses", "high_score", "use the new names."))


def test_one_source_at_most() -> None:
    text = refusal({"microscope": {"scenario": "swimmer", "specimen": "movie.tif"}})
    assert "scenario and specimen exclude each other" in text


def test_an_option_changes_without_the_name_of_its_model() -> None:
    config = make_config(
        {"policy": {"deadband_um": 2}, "detector": {"threshold": 5}, "predictor": {"q": 1}}
    )
    assert config.policy == {
        "name": "predictive",
        "deadband_um": 2,
        "release_um": None,
        "still": False,
    }
    assert config.detector == {"name": "yolo", "threshold": 5}
    assert config.predictor == {"name": "auto", "q": 1}
    assert make_config({"policy": {"name": "reactive"}}).policy == {
        "name": "reactive",
        "deadband_um": 0,
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("t.k=5", 5), ("t.k=-0.5", -0.5), ("t.k = 1e-3", 1e-3), ("t.k=true", True)),
        *(("t.k=[1, 2.5]", [1, 2.5]), ('t.k="5"', "5"), ("t.k=plain text", "plain text")),
        *(("t.k=C:\\data\\a.tif", "C:\\data\\a.tif"), ("t.k=a=b", "a=b"), ("t.k=", "")),
    ],
)
def test_set_reads_toml_or_else_text(text: str, value: object) -> None:
    read = assignment(text)["t"]["k"]
    assert read == value
    assert type(read) is type(value)


def test_set_reaches_nested_tables() -> None:
    assert assignment(" a . b.c = 1") == {"a": {"b": {"c": 1}}}


@pytest.mark.parametrize("text", ["", "a", "a.b", "a=1", "=1", ".b=1", "a.=1", "a..b=1"])
def test_set_refuses_other_forms(text: str) -> None:
    with pytest.raises(ConfigError, match=r"not of the form table\.key=value"):
        assignment(text)


def test_later_layers_win_key_by_key() -> None:
    base = {"a": {"x": 1, "y": {"p": 1, "q": 2}}, "b": [1, 2]}
    above = {"a": {"y": {"q": 3}, "z": 4}, "b": [5], "c": 6}
    merged = merge(base, {}, above)
    assert merged == {"a": {"x": 1, "y": {"p": 1, "q": 3}, "z": 4}, "b": [5], "c": 6}
    assert base == {"a": {"x": 1, "y": {"p": 1, "q": 2}}, "b": [1, 2]}
    assert merge({"a": {"x": 1}}, {"a": 2}) == {"a": 2}


@pytest.mark.parametrize("name", scenario_names())
def test_written_and_read_again_it_is_the_same(name: str, tmp_path: Path) -> None:
    config, _ = complete({"microscope": {"scenario": name}, "session": {"seed": 7}})
    path = tmp_path / "config.toml"
    path.write_text(config.toml(), "utf-8")
    assert make_config(read_tables(path)) == config
    again, _ = complete(read_tables(path))
    assert again == config


def test_everything_set_survives_the_file() -> None:
    settings = [
        *("microscope.specimen=µ movie.tif", "microscope.start_px=[3, 4.5]", "camera.label=Cam"),
        *("camera.affine=[0, 1, -1, 0]", "limits.z_um=[-1, 1]", "policy.name=reactive"),
        *("target.point_um=[1, -2]", "target.choose=largest", "session.seconds=3"),
        *("detector.sizes=[1, 2]", "predictor.deep.er=x"),
    ]
    config = make_config(merge(*map(assignment, settings)))
    assert make_config(msgspec.toml.decode(config.toml())) == config
    assert config.camera.affine == (0, 1, -1, 0)
    assert Config() == make_config({})


def test_what_a_scenario_suggests_gives_way_to_the_user() -> None:
    tables = {"microscope": {"scenario": "swimmer"}, "tracking": {"sigma_px": 0.3}}
    config, simulated = complete(tables)
    assert simulated is not None
    assert config.tracking.sigma_px == 0.3
    assert config.detector["diameter_um"] == simulated.scenario.task["detector"]["diameter_um"]
    assert config.stage.delay_ms == simulated.scenario.stage.delay_ms


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[camera\n", "not valid TOML"),
        (b"exposure 5", "not valid TOML"),
        ("[camera]\nlabel = 'µ'\n".encode("latin-1"), "not text in UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    content: bytes | None, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "scope.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=why) as caught:
        read_tables(path)
    assert "scope.toml" in str(caught.value)


def test_a_file_from_windows_notepad_is_read(tmp_path: Path) -> None:
    path = tmp_path / "scope.toml"
    path.write_bytes(b"\xef\xbb\xbf[session]\r\nseed = 3\r\n")
    assert read_tables(path) == {"session": {"seed": 3}}


@pytest.mark.parametrize(
    ("name", "advice"),
    [("scope.cfg", "pursuit init"), ("movie.tif", "--specimen"), ("movie.ome.zarr/", "--specimen")],
)
def test_what_is_no_configuration_is_told_where_it_belongs(
    tmp_path: Path, name: str, advice: str
) -> None:
    path = tmp_path / name
    if name.endswith("/"):
        path.mkdir()
    else:
        path.write_bytes("# Objektiv 20× µm\nDevice,Camera,DemoCamera,DCam".encode("cp1252"))
    with pytest.raises(ConfigError, match=advice):
        read_tables(path)
