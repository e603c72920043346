"""The whole program, given what it cannot use: one sentence, and nothing is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import zmq

PURSUIT = [sys.executable, "-m", "pursuit.controller.cli"]


def refused(*arguments: str, cwd: Path) -> str:
    """Run a command that is to fail; return what it says."""
    ended = subprocess.run(
        [*PURSUIT, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    return ended.stderr


@pytest.mark.parametrize(("pixel_um", "unit"), [(0.000108, "mm"), (108, "nm")])
def test_a_pixel_in_another_unit_is_refused(tmp_path: Path, pixel_um: float, unit: str) -> None:
    adapters = pytest.importorskip("mm_test_adapters").device_adapter_path()
    demo = str(Path(adapters) / "MMConfig_demo.cfg")
    wrong = ("--set", f"camera.pixel_um={pixel_um}")
    err = refused("follow", "--mm-config", demo, *wrong, cwd=tmp_path)
    assert f"if that is in {unit}, correct pixel_um" in err.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--scenario", "swimer"], "There is no scenario 'swimer'"),
        (["--mm-config", "missing.cfg"], "There is no Micro-Manager configuration at missing.cfg"),
        (["--specimen", "missing.tif"], "missing.tif"),
        (["missing.toml"], "missing.toml cannot be read"),
        (["--set", "detector.diametre_um=3"], "did you mean 'diameter_"),
        (["--microscope", "127.0.0.1:x"], "is not of the form HOST:PORT"),
        (["--microscope", "a:1", "--lockstep"], "leave --lockstep out"),
        (["--mm-config", "missing.cfg", "--lockstep"], "leave --lockstep out"),
    ],
)
def test_bad_input_gets_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    err = refused("follow", *arguments, "--seconds", "1", cwd=tmp_path)
    assert sentence in err
    assert err.startswith("Error: ") and len(err.strip().splitlines()) == 1


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    for mode in ("--lockstep", "--realtime"):
        err = refused("follow", "--seconds", "1", mode, "--out", "full", cwd=tmp_path)
        assert "full is not empty" in err.strip().splitlines()[-1]
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["thesis.txt"]


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with zmq.Context() as context, context.socket(zmq.REP) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        err = refused("microscope", "--scenario", "swimmer", "--port", str(port), cwd=tmp_path)
    assert f"Port {port}" in err
    assert "--port" in err
