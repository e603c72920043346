"""Where detections and registrations together put what they are of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pursuit.controller.tracking.merged import Assigned, ClosePairs
from pursuit.controller.tracking.placing import place


def test_what_its_own_image_confirms_is_where_it_was_measured_though_another_is_hidden_by_it(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    close = ClosePairs(make_table([make_track(1, -2), make_track(2, 2)]))
    measured = make_measurements([(0, 0)], 7.5, 2000)
    assigned = Assigned(np.array([0, 0]), np.array([-1, 0]), np.array([False]))
    merged = place(close, assigned, {}, {}, measured)
    assert np.hypot(*merged.positions_um[0]) > 1, "it is taken for a part of what was measured"
    sure = place(close, assigned, {}, {0: 0.25}, measured)
    assert sure.positions_um[0].tolist() == [0, 0]
    assert sure.variances_um2[0] == pytest.approx(0.26)
    assert sure.positions_um[1] == pytest.approx(merged.positions_um[1]), "the other as before"
    assert sure.undisturbed.tolist() == merged.undisturbed.tolist()
