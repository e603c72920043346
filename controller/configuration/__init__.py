"""The configuration of a stand and a task.

In: TOML files, ``table.key=value`` texts, a Micro-Manager file. Out: a checked `Config`, or one
sentence that says what is wrong.
"""

from __future__ import annotations

from .config import (
    Config,
    ConfigError,
    as_sentence,
    assignment,
    make_config,
    merge,
    read_tables,
    without_none,
)
from .init import write_scope

__all__ = [
    "Config",
    "ConfigError",
    "as_sentence",
    "assignment",
    "make_config",
    "merge",
    "read_tables",
    "without_none",
    "write_scope",
]
