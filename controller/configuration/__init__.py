"""The configuration of a stand and a task.

In: TOML files, ``table.key=value`` texts, a Micro-Manager file. Out: a checked `Config`, or one
sentence that says what is wrong.
"""

from .check import as_sentence, make_config
from .init import write_scope
from .settings import Config
from .tables import ConfigError, assignment, merge, read_tables, without_none

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
