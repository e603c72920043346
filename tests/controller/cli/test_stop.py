"""The stop button on the command line: what it says, and its exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pursuit.controller.cli.app import app
from pursuit.drivers.stop_button import Running, noted
from pursuit.drivers.wire import MicroscopeServer, stoppable
from typer.testing import CliRunner

from tests.drivers.wire.parties import FakeMicroscope


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_runtime_path", lambda name: tmp_path / name)


def said(*arguments: str) -> tuple[int, str]:
    result: Any = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_where_nothing_runs_nothing_was_stopped() -> None:
    code, text = said("stop")
    assert code == 1
    assert "No microscope runs on this computer" in text


def test_all_that_run_here_are_stopped_and_armed_again() -> None:
    one, two = FakeMicroscope(), FakeMicroscope()
    with MicroscopeServer(one) as first, MicroscopeServer(two) as second:
        with (
            noted(Running("one", "127.0.0.1", first.port)),
            noted(Running("two", "127.0.0.1", second.port)),
            noted(Running("gone", "127.0.0.1", 1)),
        ):
            code, text = said("stop", "--reason", "a leak")
            assert (code, text.count("it stands")) == (0, 2)
            assert "gone" not in text
            assert (one.stopped, two.stopped) == ("a leak", "a leak")
            code, text = said("arm")
            assert (code, text.count("it was stopped (a leak)")) == (0, 2)
        assert (one.stopped, two.stopped) == ("", "")


def test_one_that_is_being_calibrated_is_stopped_too() -> None:
    microscope = FakeMicroscope()
    with stoppable(microscope):
        code, text = said("stop", "--reason", "a leak")
        assert (code, text.count("it stands")) == (0, 1)
        assert microscope.stopped == "a leak"
        assert said("arm")[0] == 1
        assert said("stop")[0] == 0
    assert said("stop")[0] == 1


def test_one_that_does_not_stand_is_told_of_and_the_others_are_stopped_all_the_same() -> None:
    stuck = FakeMicroscope()
    stuck.sticks = True
    with MicroscopeServer(stuck) as server:
        code, text = said("stop", f"127.0.0.1:{server.port}")
    assert code == 1
    assert "It does not stand." in text
    assert "switch the stage off" in text
