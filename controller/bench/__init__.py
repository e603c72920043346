"""Yardsticks: following, loop latency, simulator speed and transport speed."""

from __future__ import annotations

from .report import progress, report

__all__ = ["progress", "report"]
