"""Settings are described once, in their structs: pages, templates and tiers follow from that."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import msgspec
import pytest
from pursuit.controller.configuration.documents import PAGES, refreshed, write_pages
from pursuit.controller.configuration.reference import (
    REGISTRIES,
    options_of,
    settings_of,
    tables,
)
from pursuit.sim.scenarios import scenario_names

TOP = Path(__file__).parents[3]
STRUCTS = [pytest.param(kind, id=table) for table, kind in tables().items()]


MODELS = [(table, name) for table, registry in REGISTRIES.items() for name in registry.builtin]


@pytest.mark.parametrize("page", PAGES)
def test_pages_say_what_the_code_says(page: str) -> None:
    text = (TOP / page).read_text("utf-8")
    assert text == refreshed(text), "run python -m pursuit.controller.configuration"


def test_every_table_and_model_is_on_the_page() -> None:
    text = (TOP / "docs/configuration.md").read_text("utf-8")
    for table, kind in tables().items():
        tiers = {setting.is_expert for setting in settings_of(kind)}
        for is_expert in tiers if table != "focus" else ():
            assert f"<!-- {'expert' if is_expert else 'settings'} {table} -->" in text
    for table, name in MODELS:
        section = text.split(f"### [{table}]", 1)[1]
        assert f"`{name}`" in section.split("\n### ")[0]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_has_drifted_is_written_anew(page: str, tmp_path: Path) -> None:
    for each in PAGES:
        (tmp_path / each).parent.mkdir(exist_ok=True)
        shutil.copy(TOP / each, tmp_path / each)
    assert write_pages(tmp_path) == []
    path = tmp_path / page
    path.write_text(path.read_text("utf-8").replace("swimmer", "swimer"), "utf-8")
    assert write_pages(tmp_path) == [path]
    written = "".join(re.findall(r"<!-- scenario.*?<!-- end -->", path.read_text("utf-8"), re.S))
    assert "swimmer" in written and "swimer" not in written


@pytest.mark.parametrize("struct", STRUCTS)
def test_every_setting_has_one_meaning_and_one_tier(struct: type[msgspec.Struct]) -> None:
    settings = settings_of(struct)
    assert {setting.key for setting in settings} == {*struct.__struct_fields__}
    assert all(setting.meaning.endswith(".") for setting in settings)


@pytest.mark.parametrize(("table", "name"), MODELS)
def test_so_has_every_option(table: str, name: str) -> None:
    try:
        options = options_of(table, name)
    except ValueError as error:
        pytest.skip(str(error))
    test_every_setting_has_one_meaning_and_one_tier(options)


def test_a_person_sets_some_forty() -> None:
    """Those of the tables, of the default models and of the classical detector; drives once."""
    structs = [kind for table, kind in tables().items() if table != "focus"]
    chosen = [("detector", "yolo"), ("detector", "blobs"), ("predictor", "auto")]
    structs += [options_of(*each) for each in (*chosen, ("policy", "predictive"))]
    everyday = [s for struct in structs for s in settings_of(struct) if not s.is_expert]
    assert 30 <= len(everyday) + len(REGISTRIES) <= 50


def test_scenarios_are_listed_by_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    from pursuit.controller.cli.app import app

    with pytest.raises(SystemExit):
        app(["follow", "--help"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in scenario_names())
