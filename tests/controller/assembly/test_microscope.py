"""What only hardware can be set to is refused in a simulation, not ignored."""

from __future__ import annotations

from typing import Any

import pytest
from pursuit.controller.assembly import complete
from pursuit.controller.configuration import ConfigError, merge


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("microscope", "presets", {"Channel": "DAPI"}),
        ("microscope", "properties", {"Camera": {"Gain": 2}}),
        ("camera", "binning", 2),
        ("camera", "roi_px", [0, 0, 64, 64]),
    ],
)
def test_a_setting_of_hardware_is_refused_in_a_simulation(table: str, key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^{table}\.{key} is for a microscope under"):
        complete({table: {key: value}})
    hardware: dict[str, Any] = {"microscope": {"mm_config": "stand.cfg"}}
    config, simulated = complete(merge(hardware, {table: {key: value}}))
    assert simulated is None
    assert getattr(getattr(config, table), key)
