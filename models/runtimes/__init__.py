"""Runtimes: libraries that compute a network, behind one protocol; the best that works is used."""

from .engines import engine
from .files import cache_folder, check_file, contents, damaged, sentence
from .openvino import UNPINNED
from .runtime import RUNTIMES, Runtime, TensorRuntime, load, reasons

__all__ = [
    "RUNTIMES",
    "UNPINNED",
    "Runtime",
    "TensorRuntime",
    "cache_folder",
    "check_file",
    "contents",
    "damaged",
    "engine",
    "load",
    "reasons",
    "sentence",
]
