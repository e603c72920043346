"""Code of a user's own, as docs/plugins.md describes it, started as a user would."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pursuit.controller.configuration import read_tables

DOCS = Path(__file__).parents[3] / "docs" / "plugins.md"
PURSUIT = [sys.executable, "-P", "-m", "pursuit.controller.cli"]
"""As the command that is installed, which does not look for modules in the current folder."""
TASK = ["--lockstep", "--seconds", "1", "--out", "s"]


def follow(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PURSUIT, "follow", *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )


def blocks(language: str) -> list[str]:
    """All code of the page in a language."""
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)


def written(folder: Path, *code: str) -> Path:
    (folder / "mine.py").write_text("\n\n".join(code), "utf-8")
    return folder


def test_the_examples_of_the_documentation_follow(tmp_path: Path) -> None:
    written(tmp_path, *blocks("python"))
    (tmp_path / "scope.toml").write_text(blocks("toml")[0], "utf-8")
    (tmp_path / "elsewhere").mkdir()
    ended = follow(tmp_path / "elsewhere", "../scope.toml", *TASK)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for name in ("Brightest", "Resting", "Halfway"):
        assert f"This runs code of yours: mine:{name} ({tmp_path / 'mine.py'})" in ended.stderr
    kept = read_tables(tmp_path / "elsewhere" / "s" / "config.toml")
    assert kept["detector"] == {"name": "mine:Brightest", "margin_px": 6.0}


def test_in_real_time_only_the_process_that_follows_runs_it(tmp_path: Path) -> None:
    tell = "import os, pathlib\nwith pathlib.Path(__file__).with_suffix('.pids').open('a') as f:\n"
    written(tmp_path, tell + "    f.write(f'{os.getpid()}\\n')", *blocks("python"))
    (tmp_path / "scope.toml").write_text(blocks("toml")[0], "utf-8")
    follow(tmp_path, "scope.toml", "--seconds", "1", "--out", "s")
    assert json.loads((tmp_path / "s" / "summary.json").read_text())["frames"] > 0
    assert len((tmp_path / "mine.pids").read_text().split()) == 1


FAULTS = {
    "after a while": (
        "class Mine(Brightest):\n"
        "    count = 0\n"
        "    def detect(self, image):\n"
        "        self.count += 1\n"
        "        if self.count > 20:\n"
        "            raise RuntimeError('no memory')\n"
        "        return super().detect(image)\n",
        r"The detector 'mine:Mine' failed: RuntimeError: no memory \(.*mine\.py, line \d+\)\.",
    ),
    "a list": (
        "class Mine(Brightest):\n    def detect(self, image):\n        return [1]\n",
        r"The detector brightest returned list instead of Detections",
    ),
    "when made": (
        "class Mine:\n    def __init__(self):\n        raise KeyError('weights')\n",
        r"'mine:Mine' cannot be made: KeyError: 'weights' \(.*mine\.py, line \d+\)",
    ),
    "ends the program": (
        "import sys\nclass Mine:\n    def __init__(self):\n        sys.exit(0)\n",
        r"'mine:Mine' cannot be made: SystemExit: 0 \(.*mine\.py, line \d+\)",
    ),
    "ends it when imported": (
        "raise SystemExit(0)\n",
        r"'mine:Mine' cannot be imported: SystemExit: 0 \(.*mine\.py, line \d+\)",
    ),
    "writes to the image": (
        "class Mine(Brightest):\n"
        "    def detect(self, image):\n"
        "        image[:] = 0\n"
        "        return super().detect(image)\n",
        r"The detector 'mine:Mine' failed: ValueError: .*read-only \(.*mine\.py, line \d+\)",
    ),
    "says it in two lines": (
        "class Mine(Brightest):\n"
        "    def detect(self, image):\n"
        "        raise ValueError('first\\nsecond')\n",
        r"failed: ValueError: first second \(",
    ),
    "incomplete": (
        "class Mine:\n    name = 'mine'\n",
        r"'mine:Mine' has no detect; it needs detect, name",
    ),
    "another name": ("class Yours:\n    pass\n", r"cannot be imported: mine has no 'Mine'"),
    "no Python": (
        "class Mine(\n",
        r"'mine:Mine' cannot be imported: SyntaxError: .* \(.*mine\.py, line \d+\)",
    ),
    "needs another": (
        "import no_such_module\n",
        r"ModuleNotFoundError: No module named 'no_such_module' \(.*mine\.py, line \d+\)",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_is_one_sentence_with_file_and_line(tmp_path: Path, fault: str) -> None:
    code, sentence = FAULTS[fault]
    written(tmp_path, blocks("python")[0], code)
    ended = follow(tmp_path, "--detector", "mine:Mine", *TASK)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 2
    assert re.search(sentence, ended.stderr)
    if fault == "after a while":
        assert json.loads((tmp_path / "s" / "summary.json").read_text())["frames"] == 20


def follow_policy(folder: Path, returned: str) -> subprocess.CompletedProcess[str]:
    """Follow with a policy that returns some expression."""
    head = "from pursuit.controller.policies import Plan\nclass Mine:\n    name = 'idle'\n"
    plan = "    def plan(self, target, frame, horizon):\n"
    written(folder, f"{head}{plan}        return {returned}\n")
    return follow(folder, "--set", "policy.name=mine:Mine", *TASK)


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        ("None", "The policy idle returned NoneType instead of a Plan"),
        ("Plan(move_um=[1.0, 0.0, 2.0])", r"shape \(3,\): it takes x and y"),
    ],
)
def test_a_policy_that_returns_no_plan_is_told_what_to_return(
    tmp_path: Path, returned: str, sentence: str
) -> None:
    ended = follow_policy(tmp_path, returned)
    assert ended.returncode == 1
    assert re.search(sentence, ended.stderr.splitlines()[-1])


def test_a_place_that_is_no_number_moves_nothing_and_is_told(tmp_path: Path) -> None:
    follow_policy(tmp_path, "Plan(move_um=[float('nan'), 0.0])")
    decisions = (tmp_path / "s" / "decisions.jsonl").read_text().splitlines()
    assert any("not a finite number" in json.loads(line)["reason"] for line in decisions)


def test_a_place_may_be_a_list(tmp_path: Path) -> None:
    ended = follow_policy(tmp_path, "Plan(move_um=target.prediction.mean_um[:2].tolist())")
    assert ended.returncode == 0, ended.stderr


def test_a_module_that_is_nowhere_is_told_where_to_lie(tmp_path: Path) -> None:
    ended = follow(tmp_path, "--detector", "nowhere:Mine", *TASK)
    assert "nowhere.py is neither in the folder of the configuration" in ended.stderr


def test_a_file_beside_it_replaces_nothing_that_is_installed(tmp_path: Path) -> None:
    (tmp_path / "scipy.py").write_text("raise SystemExit('the wrong one')", "utf-8")
    written(tmp_path, blocks("python")[0])
    ended = follow(tmp_path, "--detector", "mine:Brightest", *TASK)
    assert "the wrong one" not in ended.stdout + ended.stderr
    assert ended.returncode == 0
