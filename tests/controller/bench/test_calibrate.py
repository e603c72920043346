"""The bench of calibrations tells what is right, and counts what is wrong."""

from __future__ import annotations

import pytest
from pursuit.controller.bench.calibrate import Outcome, calibrate_focus_once, focus_row, summarise


def test_a_focus_drive_is_calibrated_and_counted() -> None:
    result = calibrate_focus_once(6)
    assert result.outcomes["backlash_um"].found
    assert result.home_um == pytest.approx(0.0, abs=0.02)
    assert focus_row(result)["refusal"] == ""
    wrong = {**result.outcomes, "backlash_um": Outcome(True, 1.5)}
    rows = {row["number"]: row for row in summarise([], [result, result._replace(outcomes=wrong)])}
    assert rows["focus, backlash_um"]["found"] == 2
    assert rows["focus, backlash_um"]["wrong"] == 1
    assert rows["focus, astigmatism_um"]["refused"] == 2
