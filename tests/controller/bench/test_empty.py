"""Where nothing is there, nothing is followed; where something is, dust does not hide it."""

import pytest
from pursuit.controller.bench import empty


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, float]]:
    """What became of two sessions of each kind that are quick."""
    kinds = ("empty", "noise", "waves", "dust", "hot pixels", "weak 5", "dusty")
    return {row["field"]: row for row in empty.run(kinds, ["blobs"], seeds=2)}


@pytest.mark.parametrize("kind", ["empty", "noise", "waves", "dust", "hot pixels"])
def test_nothing_is_followed_and_the_stage_stays(
    rows: dict[str, dict[str, float]], kind: str
) -> None:
    assert rows[kind]["followed_in"] == 0
    assert rows[kind]["most_away"] < 0.5


@pytest.mark.parametrize("kind", ["weak 5", "dusty"])
def test_what_a_human_sees_is_followed(rows: dict[str, dict[str, float]], kind: str) -> None:
    assert rows[kind]["found"] == 1
    assert rows[kind]["stopped_in"] == 0
