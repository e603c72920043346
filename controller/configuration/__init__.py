"""The configuration of a stand and a task.

In: TOML files, ``table.key=value`` texts, a Micro-Manager file. Out: a checked `Config`, or one
sentence that says what is wrong.
"""

from .check import as_sentence, check_models, make_config
from .init import write_scope
from .outputs import check_new_file, check_new_folder, named_after, written_whole
from .settings import MODELS, Config, RecordingSettings
from .tables import ConfigError, assignment, merge, read_tables, without_none

__all__ = [
    "MODELS",
    "Config",
    "ConfigError",
    "RecordingSettings",
    "as_sentence",
    "assignment",
    "check_models",
    "check_new_file",
    "check_new_folder",
    "make_config",
    "merge",
    "named_after",
    "read_tables",
    "without_none",
    "write_scope",
    "written_whole",
]
