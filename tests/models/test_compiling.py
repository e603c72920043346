"""Compiled functions, kept for other processes where they can be."""

from __future__ import annotations

from typing import Any

from pursuit.models.compiling import compiled
from pursuit.models.predictors.bank import time_update


def test_what_can_be_kept_is_kept() -> None:
    kernel: Any = time_update.advance
    assert kernel.stats.cache_path


def test_what_cannot_be_kept_is_compiled_all_the_same() -> None:
    scope: dict[str, Any] = {}
    exec("def twice(x):\n    return 2 * x", scope)
    twice: Any = compiled(scope["twice"])
    assert twice(21) == 42
    assert len(twice.signatures) == 1
