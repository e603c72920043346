"""The stand under test: the file that PURSUIT_STAND names, else Micro-Manager's demo adapters.

On a real stand, first put something on it that may be moved by 10 µm in each direction:
``PURSUIT_STAND=scope.toml pytest tests/hardware``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pursuit.controller.assembly import complete, open_microscope
from pursuit.controller.configuration import read_tables
from pursuit.drivers.microscope import Microscope


@pytest.fixture
def stand() -> Iterator[Microscope]:
    named = os.environ.get("PURSUIT_STAND")
    if named:
        tables = read_tables(Path(named))
    else:
        adapters = pytest.importorskip("mm_test_adapters", reason="neither stand nor demo adapters")
        config = Path(adapters.device_adapter_path()) / "MMConfig_demo.cfg"
        tables = {"microscope": {"mm_config": str(config)}, "camera": {"exposure_ms": 10}}
    with open_microscope(*complete(tables)) as microscope:
        yield microscope
