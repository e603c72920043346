"""Linking by trackastra: what it gets, what its links become, and what is said without it."""

from __future__ import annotations

import csv
import json
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from pursuit.controller.cli.app import app
from pursuit.controller.offline import TrackastraLinker, load_trackastra, rows_of, trackastra
from pursuit.controller.offline.label_images import label_image
from pursuit.controller.offline.tracklets import Link, along
from pursuit.models.detections import Detections
from pursuit.models.images import Recording
from typer.testing import CliRunner, Result

SIDE_PX, FRAMES = 160, 10
BLOBS = ("--detector", "blobs", "--diameter-px", "7", "--set", "detector.polarity=bright")
Spot = tuple[float, float, float, float]
"""x, y, size and score."""


def pursuit(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def detected(spots: list[Spot]) -> Detections:
    table = np.array(spots, np.float64).reshape(-1, 4)
    half = table[:, 2:3] / 2
    return Detections.of(np.hstack([table[:, :2] - half, table[:, :2] + half]), table[:, 3])


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    """A movie of three spots that move."""
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
    starts, steps = np.array([(30, 40), (120, 60), (60, 130)]), np.array([(3, 1), (-2, 2), (0, -3)])
    frames = []
    for frame in range(FRAMES):
        light = np.random.default_rng(frame).normal(200, 5, x.shape)
        for at_x, at_y in starts + frame * steps:
            light += 600 * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * 2.5**2))
        frames.append(light.astype(np.uint16))
    path = tmp_path / "spots.tif"
    tifffile.imwrite(path, np.stack(frames), metadata={"axes": "TYX"}, imagej=True)
    return path


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is or not: what is asked for is looked at before it is imported."""
    monkeypatch.setattr(trackastra, "find_spec", lambda name: name)


def refused(movie: Path, *arguments: object) -> str:
    """What is said when nothing is done, in one sentence, before a frame is read."""

    def unread(recording: Recording, index: int) -> Any:
        raise AssertionError(f"frame {index} was read")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recording, "__getitem__", unread)
        ran = pursuit("track", movie, *BLOBS, *arguments, "--out", movie.parent / "o.csv")
    assert ran.exit_code == 1 and not (movie.parent / "o.csv").exists()
    assert ran.stderr.startswith("Error: ") and ran.stderr.count("\n") == 1
    return ran.stderr


def test_without_the_extra_it_says_what_to_install(
    movie: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackastra, "find_spec", lambda name: None)
    said = refused(movie, "--linker", "trackastra", "--linker-model", movie.parent)
    assert said == 'Error: Trackastra is not installed: pip install "pursuit[trackastra]".\n'


@pytest.mark.usefixtures("installed")
def test_a_folder_without_a_model_is_named(movie: Path) -> None:
    absent = movie.parent / "absent"
    said = refused(movie, "--linker", "trackastra", "--linker-model", absent)
    assert f"There is no folder {absent}" in said and "trackastra-models/releases" in said
    absent.mkdir()
    (absent / "config.yaml").touch()
    said = refused(movie, "--linker", "trackastra", "--linker-model", absent)
    assert f"There is no model.pt in {absent}" in said and "trackastra-models/releases" in said


@pytest.mark.usefixtures("installed")
def test_an_installation_that_is_not_whole_is_told(
    movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("config.yaml", "model.pt", "train_config.yaml"):
        (tmp_path / name).touch()
    monkeypatch.setitem(sys.modules, "trackastra.model", None)
    monkeypatch.setitem(sys.modules, "trackastra", None)
    said = refused(movie, "--linker", "trackastra", "--linker-model", tmp_path)
    assert "cannot be imported" in said and "pursuit[trackastra]" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--linker", "trackasta"), "did you mean 'trackastra'? known: pursuit, trackastra"),
        (("--linker", "trackastra"), "give its folder with --linker-model"),
        (("--linker-model", "."), "only for --linker trackastra"),
    ],
)
def test_options_that_do_not_fit_are_refused(movie: Path, arguments: Any, said: str) -> None:
    assert said in refused(movie, *arguments)


def test_an_object_is_the_ellipse_in_its_box() -> None:
    found = Detections.of(
        [(10.0, 20.0, 30.0, 26.0), (-4.0, -4.0, 4.0, 4.0), (44.0, 5.0, 46.0, 7.0)]
    )
    labels = label_image(found, 32, 40)
    assert labels.shape == (32, 40) and labels.dtype == np.int32
    areas = np.bincount(labels.ravel(), minlength=4)[1:]
    assert areas[0] == pytest.approx(np.pi * 10 * 3, rel=0.05)
    assert areas[1] == pytest.approx(np.pi * 16 / 4, rel=0.4) and areas[2] == 0
    rows, columns = np.nonzero(labels == 1)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (10, 30, 20, 26)


def test_the_smallest_box_has_a_pixel() -> None:
    for at in np.random.default_rng(0).uniform(2, 8, (50, 2)):
        assert label_image(Detections.of([(*at, *at)]), 10, 10).any()


def test_a_pixel_belongs_to_the_surest_object() -> None:
    spots = [(10.0, 10.0, 12.0, 0.9), (14.0, 10.0, 12.0, 0.5), (10.0, 10.0, 6.0, 0.3)]
    labels = label_image(detected(spots), 20, 30)
    assert (labels[10, 8], labels[10, 13], labels[10, 19]) == (1, 1, 2)
    assert not (labels == 3).any()


def test_an_object_with_a_mask_is_its_mask() -> None:
    mask = np.array([(True, False, True), (False, True, True)])
    found = Detections.of([(3.5, 7.5, 6.5, 9.5)], masks=[mask])
    labels = label_image(found, 12, 12)
    np.testing.assert_array_equal(labels[8:10, 4:7], mask)
    assert labels.sum() == mask.sum()


def test_links_become_tracks_that_divide() -> None:
    found = [detected([(20.0 + k, 30.0, 8.0, 0.5), (60.0, 50.0 + k, 10.0, 0.9)]) for k in range(4)]
    links: list[Link] = [
        ((0, 1), (1, 1)), ((1, 1), (2, 0)), ((1, 1), (2, 1)), ((2, 0), (3, 1)), ((2, 1), (3, 0)),
    ]  # fmt: skip
    tracks = along(links, found, (101, 81), 0.5)
    np.testing.assert_array_equal(tracks.ids, [1, 1, 2, 2, 3, 3])
    np.testing.assert_array_equal(tracks.frames, [0, 1, 2, 3, 2, 3])
    assert tracks.mother_of() == {2: 1, 3: 1}
    np.testing.assert_allclose(tracks.positions_um[:3], [(5, 5), (5, 5.5), (-14, -5)])
    np.testing.assert_allclose(tracks.sizes_um[:3], [5, 5, 4])
    np.testing.assert_allclose(tracks.scores[:3], [0.9, 0.9, 0.5], rtol=1e-6)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that has learned, by positions alone, that what is near is the same."""
    package: Any = pytest.importorskip("trackastra.model")
    torch: Any = pytest.importorskip("torch")
    torch.manual_seed(0)
    rng, measures = np.random.default_rng(0), 7
    net = package.TrackingTransformer(
        coord_dim=2, feat_dim=measures, d_model=64, nhead=2, num_encoder_layers=0,
        num_decoder_layers=0, dropout=0.0, window=4, spatial_pos_cutoff=100,
    )  # fmt: skip
    with torch.no_grad():
        net.proj.weight[:, -measures:] = 0
    optimizer, steps = torch.optim.Adam(net.parameters(), 3e-3), 2000
    slowing = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(steps):
        objects = int(rng.integers(2, 8))
        starts, speeds = rng.uniform(0, SIDE_PX, (objects, 2)), rng.normal(0, 4, (objects, 2))
        seen = rng.random(4 * objects) < 0.9
        times = np.tile(np.arange(4), objects)[seen]
        who = np.repeat(np.arange(objects), 4)[seen]
        at = torch.tensor(np.column_stack([times, starts[who] + speeds[who] * times[:, None]]))
        at, instants = at[None].float(), torch.tensor(times)[None]
        logits = net(at, torch.zeros(1, len(times), measures))
        guess = net.normalize_output(logits, instants, at)[0]
        next_one = torch.tensor(times[None] - times[:, None] == 1)
        same = torch.tensor(who[None] == who[:, None]).float()
        loss = torch.nn.functional.binary_cross_entropy(
            guess[next_one].clamp(1e-6, 1 - 1e-6), same[next_one]
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        slowing.step()
    folder = tmp_path_factory.mktemp("trackastra")
    net.save(folder)
    (folder / "train_config.yaml").write_text("features: wrfeat\n")
    return folder


def test_a_movie_becomes_the_same_table_and_picture(
    movie: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(*arguments: object) -> Any:
        raise AssertionError("something was looked for in a network")

    monkeypatch.setattr(socket.socket, "connect", call)
    own, other = tmp_path / "own.csv", tmp_path / "other.csv"
    assert pursuit("track", movie, *BLOBS, "--out", own).exit_code == 0
    asked = ("--linker", "trackastra", "--linker-model", model)
    ran = pursuit("track", movie, *BLOBS, *asked, "--out", other, "--json")
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout)
    assert (said["linker"], said["tracks"], said["positions"]) == ("trackastra", 3, 3 * FRAMES)
    assert other.with_suffix(".png").exists()
    tables = []
    for path in (own, other):
        with path.open(newline="") as file:
            tables.append(list(csv.DictReader(file)))
    assert [*tables[0][0]] == [*tables[1][0]]
    places = [sorted((row["t"], row["x"], row["y"]) for row in table) for table in tables]
    assert places[0] == places[1]


def linked(model: Path, frames: list[list[Spot]], **tables: Any) -> list[Any]:
    pixels = np.zeros((len(frames), SIDE_PX, SIDE_PX), np.uint8)
    recording = Recording(Path("spots.tif"), pixels, 1.0, 1.0, None, ())
    linker = TrackastraLinker(load_trackastra(model), recording, tables)
    return rows_of(linker.link([detected(spots) for spots in frames]), recording)


def dividing() -> list[list[Spot]]:
    """One that becomes two, beside one that does not, and frames of nothing."""
    frames: list[list[Spot]] = []
    for k in range(FRAMES):
        apart = 5 + 1.5 * (k - 5)
        halves = [(60 - apart, 60.0, 10.0, 0.8), (60 + apart, 60.0, 10.0, 0.8)]
        frames.append([(120.0, 110.0, 14.0, 0.8)])
        frames[-1] += [(60.0, 60.0, 14.0, 0.8)] if k < 5 else halves
    return [[], [], *frames, []]


def test_daughters_name_their_mother(model: Path) -> None:
    rows = linked(model, dividing())
    mothers = {row[0]: row[7] for row in rows}
    daughters = [track for track, mother in mothers.items() if mother]
    assert len(mothers) == 4 and len(daughters) == 2
    assert {min(row[1] for row in rows if row[0] == one) for one in daughters} == {7}
    assert len({mothers[one] for one in daughters}) == 1


def test_what_the_user_says_about_tracks_counts(model: Path) -> None:
    rows = linked(model, dividing(), tracking={"divisions": False})
    assert {row[7] for row in rows} == {0}
    rows = linked(model, dividing(), tracking={"confirm_hits": 8})
    assert {row[0] for row in rows} == {1}
    assert linked(model, dividing(), tracking={"high_score": 0.9}) == []
    assert linked(model, [[]] * 4) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--predictor", "kalman"), "does not use the predictor"),
        (("--set", "tracking.max_misses=3"), "does not use tracking.max_misses"),
    ],
)
def test_what_it_does_not_use_is_refused(
    movie: Path, model: Path, arguments: Any, said: str
) -> None:
    asked = ("--linker", "trackastra", "--linker-model", model)
    ran = pursuit("track", movie, *BLOBS, *asked, *arguments, "--out", movie.parent / "o.csv")
    assert ran.exit_code == 1 and ran.stderr.count("\n") == 1
    assert said in ran.stderr


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("model.pt", "hello", "cannot be used"),
        ("config.yaml", "feat_dim: 5\n", "cannot be used"),
        ("train_config.yaml", "[1, 2", "cannot be used"),
        ("train_config.yaml", "features: pretrained_feats\n", "needs what another network sees"),
    ],
)
def test_a_model_that_cannot_be_used_is_named(
    movie: Path, model: Path, tmp_path: Path, file: str, content: str, said: str
) -> None:
    damaged = shutil.copytree(model, tmp_path / "damaged")
    (damaged / file).write_text(content)
    told = refused(movie, "--linker", "trackastra", "--linker-model", damaged)
    assert f"The model of trackastra in {damaged}" in told and said in told
