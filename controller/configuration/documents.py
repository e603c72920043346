"""What the documentation says of settings and scenarios, written from the code.

A page marks what is written with ``<!-- KIND SUBJECT -->`` and ``<!-- end -->``. The kinds:
``settings TABLE`` and ``expert TABLE``, where a table may be that of one model
(``detector.blobs``); ``scenarios``, a table of them; ``scenario names``, a list.
"""

import re
from pathlib import Path

from ...sim.scenarios import scenario_names, scenario_titles
from .reference import Setting, options_of, settings_of, tables, toml

PAGES = ("docs/configuration.md", "README.md")
"""Pages with such marks, from the top of the repository."""

_BLOCK = re.compile(
    r"<!-- (settings|expert|scenarios|scenario names) ?(\S*) -->(.*?)<!-- end -->", re.S
)


def write_pages(folder: Path) -> list[Path]:
    """Bring the pages of the repository in a folder up to date; return those that changed.

    Raises
    ------
    OSError
        If there is no such page.
    """
    changed = []
    for path in (folder / page for page in PAGES):
        old = path.read_text("utf-8")
        new = refreshed(old)
        if new != old:
            path.write_text(new, "utf-8")
            changed.append(path)
    return changed


def refreshed(page: str) -> str:
    """Return a page with every marked part written anew.

    What needs a package that is not installed is left as it is.
    """
    return _BLOCK.sub(_written, page)


def _written(block: re.Match[str]) -> str:
    kind, subject, old = block.groups()
    try:
        new = _content(kind, subject)
    except ValueError:
        new = old
    return f"<!-- {' '.join(filter(None, (kind, subject)))} -->{new}<!-- end -->"


def _content(kind: str, subject: str) -> str:
    if kind == "scenario names":
        return ", ".join(f"`{name}`" for name in scenario_names())
    if kind == "scenarios":
        rows = [f"| `{name}` | {title} |" for name, title in scenario_titles().items()]
        return "\n".join(["", "", "| scenario | what it shows |", "|---|---|", *rows, "", ""])
    table, _, model = subject.partition(".")
    struct = options_of(table, model) if model else tables()[table]
    rows = [_row(one) for one in settings_of(struct) if one.is_expert == (kind == "expert")]
    return "\n".join(["", "", "| key | default | meaning |", "|---|---|---|", *rows, "", ""])


def _row(setting: Setting) -> str:
    default = "" if setting.default in (None, "") else f"`{toml(setting.default)}`"
    others = [f"`{toml(word)}`" for word in setting.choices if word != setting.default]
    if others:
        default = f"{default}; or {', '.join(others)}"
    return f"| `{setting.key}` | {default} | {setting.meaning.replace('|', chr(92) + '|')} |"
