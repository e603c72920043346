"""Runtimes: what computes a network. One small protocol; the best that works is chosen."""

from __future__ import annotations

from .engines import EngineRequest, engine
from .files import cache_folder, check_file, damaged, sentence
from .openvino import UNPINNED
from .runtime import RUNTIMES, Runtime, load, reasons

__all__ = [
    "RUNTIMES",
    "UNPINNED",
    "EngineRequest",
    "Runtime",
    "cache_folder",
    "check_file",
    "damaged",
    "engine",
    "load",
    "reasons",
    "sentence",
]
