"""What commands say beside their results: as it is, and where no terminal shows a bar, in lines."""

import io

import pytest
from pursuit.controller.bench import report
from pursuit.controller.cli.progress import PARTS, plain_console, stages, training_progress
from rich.console import Console


def test_a_training_without_a_terminal_tells_its_steps_and_its_loss() -> None:
    told = io.StringIO()
    with training_progress(Console(file=told)) as on_step:
        for step in range(1, 1001):
            on_step(step, 1000, 2.0 / step)
    lines = told.getvalue().splitlines()
    assert len(lines) == PARTS
    assert lines[0] == "training: step 50 of 1000, loss 0.04"
    assert lines[-1].startswith("training: step 1000 of 1000")


def test_a_training_of_few_steps_tells_each_once() -> None:
    told = io.StringIO()
    with training_progress(Console(file=told)) as on_step:
        for step in (1, 2, 3):
            on_step(step, 3, 1.0)
    assert [line.split(",")[0] for line in told.getvalue().splitlines()] == [
        f"training: step {step} of 3" for step in (1, 2, 3)
    ]


def test_names_with_brackets_and_colons_are_shown_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "pursuit[onnx] of [red]cells:cat:.tif"
    plain_console().print(name)
    report([{"model": name}], None)
    assert capsys.readouterr().out.count(name) == 2


def test_stages_without_a_terminal_are_told_once_each() -> None:
    told = io.StringIO()
    with stages(Console(file=told), "looking") as tell:
        for what, seconds in (("looking", 1.0), ("moving", 2.0), ("moving", 3.0), ("looking", 4.0)):
            tell(what, seconds)
    assert told.getvalue().splitlines() == ["looking", "moving, after 2 s"]
