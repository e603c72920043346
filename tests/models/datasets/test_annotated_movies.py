"""Movies with tracks in the layouts of other programs all say the same."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from pursuit.models.datasets import AnnotatedMovie, read_annotated_movies
from pursuit.models.errors import ModelError

PLACES = {1: [(5, 6), (6, 6), (7, 6)], 2: [(20, 10), (20, 12), (20, 14)]}
"""Object to x and y in frames 0, 1, 2."""
SIDES = {1: (5, 5), 2: (7, 5)}
"""Width and height of its label."""


def images() -> np.ndarray:
    return np.zeros((3, 24, 32), np.uint16)


def as_table(folder: Path) -> None:
    tifffile.imwrite(folder / "movie.tif", images(), photometric="minisblack")
    rows = [f"{k},{t},{x},{y},4" for k, path in PLACES.items() for t, (x, y) in enumerate(path)]
    (folder / "tracks.csv").write_text("\n".join(["id,frame,x,y,size", *rows]))


def as_trackmate_table(folder: Path) -> None:
    tifffile.imwrite(folder / "movie.tif", images(), photometric="minisblack")
    header = (
        "LABEL,TRACK_ID,FRAME,POSITION_X,POSITION_Y\nLabel,Track ID,Frame,X,Y\n,,,(pixel),(px)\n"
    )
    rows = [f"s,{k},{t},{x},{y}" for k, path in PLACES.items() for t, (x, y) in enumerate(path)]
    (folder / "spots.csv").write_text(
        header.replace(",,,", "Label,Track ID,Frame,") + "\n".join(rows)
    )


def as_trackmate_file(folder: Path) -> None:
    tifffile.imwrite(folder / "movie.tif", images(), photometric="minisblack")
    spots = "".join(
        f'<Spot ID="{k}{t}" FRAME="{t}" POSITION_X="{x / 2}" POSITION_Y="{y / 2}" RADIUS="1.0"/>'
        for k, path in PLACES.items()
        for t, (x, y) in enumerate(path)
    )
    tracks = "".join(
        f'<Track TRACK_ID="{k}">'
        + "".join(f'<Edge SPOT_SOURCE_ID="{k}{t}" SPOT_TARGET_ID="{k}{t + 1}"/>' for t in (0, 1))
        + "</Track>"
        for k in PLACES
    )
    (folder / "tracks.xml").write_text(
        f"<TrackMate><Model><AllSpots>{spots}</AllSpots><AllTracks>{tracks}</AllTracks></Model>"
        '<Settings><ImageData pixelwidth="0.5" pixelheight="0.5"/></Settings></TrackMate>'
    )


def as_challenge(folder: Path) -> None:
    truth = folder / "01_GT" / "TRA"
    (folder / "01").mkdir()
    truth.mkdir(parents=True)
    for t, image in enumerate(images()):
        tifffile.imwrite(folder / "01" / f"t{t:03d}.tif", image)
        for k, path in PLACES.items():
            (x, y), (width, height) = path[t], SIDES[k]
            rows = slice(y - height // 2, y + height // 2 + 1)
            image[rows, x - width // 2 : x + width // 2 + 1] = k
        tifffile.imwrite(truth / f"man_track{t:03d}.tif", image)
    (truth / "man_track.txt").write_text("1 0 2 0\n2 0 2 0\n")


@pytest.mark.parametrize(
    ("write", "sizes"),
    [
        (as_table, [4, 4]),
        (as_trackmate_table, [np.nan, np.nan]),
        (as_trackmate_file, [4, 4]),
        (as_challenge, [5, 35**0.5]),
    ],
)
def test_the_layouts_of_other_programs_are_read(tmp_path: Path, write, sizes) -> None:
    write(tmp_path)
    (movie,) = read_annotated_movies(tmp_path)
    assert movie.recording[2].shape == (24, 32)
    assert len(movie.recording) == 3
    for track, path, size in zip(movie.tracks, PLACES.values(), sizes, strict=True):
        assert track.frames.tolist() == [0, 1, 2]
        np.testing.assert_allclose(track.positions_px, path)
        np.testing.assert_allclose(track.sizes_px, size)


def test_a_track_that_divides_is_cut_there(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "movie.tif", images(), photometric="minisblack")
    at = {"a": 0, "b": 1, "c": 2, "d": 2}
    spots = "".join(
        f'<Spot ID="{k}" FRAME="{t}" POSITION_X="3" POSITION_Y="{3 + t}"/>' for k, t in at.items()
    )
    edges = "".join(
        f'<Edge SPOT_SOURCE_ID="{one}" SPOT_TARGET_ID="{other}"/>'
        for one, other in ("ab", "bc", "bd")
    )
    (tmp_path / "tracks.xml").write_text(
        f'<TrackMate>{spots}<Track TRACK_ID="0">{edges}</Track></TrackMate>'
    )
    (movie,) = read_annotated_movies(tmp_path)
    assert [track.frames.tolist() for track in movie.tracks] == [[0, 1]]


def read(folder: Path) -> list[AnnotatedMovie]:
    return read_annotated_movies(folder)


def test_folders_that_cannot_be_used_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="is no annotated movie: it needs one movie beside"):
        read(tmp_path)
    as_table(tmp_path)
    tifffile.imwrite(tmp_path / "other.tif", images(), photometric="minisblack")
    with pytest.raises(ModelError, match=r"has 2 movies \(movie\.tif, other\.tif\): keep the one"):
        read(tmp_path)
    (tmp_path / "other.tif").unlink()
    table = tmp_path / "tracks.csv"
    table.write_text(table.read_text() + "\n1,3,8,6,4")
    with pytest.raises(ModelError, match="from frame 0 to 3, the movie has 3"):
        read(tmp_path)
    table.write_text("track,t,x,y\n1,0,500,600\n1,1,510,600\n")
    with pytest.raises(ModelError, match="positions have to be in pixels"):
        read(tmp_path)
    (tmp_path / "tracks.xml").write_text("<TrackMate>")
    with pytest.raises(ModelError, match="several tables"):
        read(tmp_path)
    table.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("1 0 2 0\n2 0 4 0\n", "label 2 from frame 0 to 4, and the last map is of frame 2: add"),
        ("1 0 2 0\n2 0 2 0\n3 1 2 1\n", "label 3 from frame 1 to 2, and it is in none: add its"),
        ("1 0 2\n", "man_track.txt cannot be read: write a line with label, first frame, last"),
        ("one\n", "man_track.txt cannot be read: write a line with label, first frame, last"),
        ("", "man_track.txt are none: name another sequence"),
        (None, "man_track.txt are missing: write a line with label, first frame, last frame"),
    ],
)
def test_sequences_whose_tracks_are_incomplete_are_refused(
    tmp_path: Path, listed: str | None, said: str
) -> None:
    as_challenge(tmp_path)
    table = tmp_path / "01_GT" / "TRA" / "man_track.txt"
    table.unlink()
    if listed is not None:
        table.write_text(listed)
    with pytest.raises(ModelError, match=said):
        read(tmp_path)


def test_a_track_may_have_a_gap(tmp_path: Path) -> None:
    as_challenge(tmp_path)
    file = tmp_path / "01_GT" / "TRA" / "man_track001.tif"
    labels = tifffile.imread(file)
    tifffile.imwrite(file, np.where(labels == 2, 0, labels))
    (movie,) = read(tmp_path)
    assert [track.frames.tolist() for track in movie.tracks] == [[0, 1, 2], [0, 2]]


def test_a_label_map_that_is_missing_is_named(tmp_path: Path) -> None:
    as_challenge(tmp_path)
    (tmp_path / "01_GT" / "TRA" / "man_track001.tif").unlink()
    with pytest.raises(ModelError, match="has no label map of frame 1: add it"):
        read(tmp_path)


def test_label_maps_of_another_size_are_refused(tmp_path: Path) -> None:
    as_challenge(tmp_path)
    file = tmp_path / "01_GT" / "TRA" / "man_track001.tif"
    tifffile.imwrite(file, tifffile.imread(file)[:20])
    with pytest.raises(ModelError, match="has 32 × 20 px, the pictures have 32 × 24: they belong"):
        read(tmp_path)


def renumbered(folder: Path, first: int, digits: int) -> None:
    """Give the frames of a sequence other numbers."""
    truth = folder / "01_GT" / "TRA"
    for number in range(3):
        name = f"{number + first:0{digits}}.tif"
        (folder / "01" / f"t{number:03}.tif").rename(folder / "01" / f"u{name}")
        (truth / f"man_track{number:03}.tif").rename(truth / f"other{name}")
    for path in (*(folder / "01").iterdir(), *truth.glob("other*")):
        path.rename(path.with_name(path.name.replace("other", "man_track").replace("u", "t", 1)))
    spans = "".join(f"{k} {first} {first + 2} 0\r\n" for k in PLACES)
    (truth / "man_track.txt").write_bytes(spans.encode("utf-8-sig"))


@pytest.mark.parametrize(("first", "digits"), [(150, 3), (8, 1), (998, 3)])
def test_frames_count_from_the_first_image_by_number(
    tmp_path: Path, first: int, digits: int
) -> None:
    as_challenge(tmp_path)
    renumbered(tmp_path, first, digits)
    (movie,) = read(tmp_path)
    for track, path in zip(movie.tracks, PLACES.values(), strict=True):
        assert track.frames.tolist() == [0, 1, 2]
        np.testing.assert_allclose(track.positions_px, path)


def test_sequences_with_gaps_or_planes_are_refused(tmp_path: Path) -> None:
    as_challenge(tmp_path)
    path = tmp_path / "01" / "t001.tif"
    path.unlink()
    with pytest.raises(ModelError, match="has no image of frame 1: add it"):
        read(tmp_path)
    for number in range(3):
        stack = np.zeros((4, 24, 32), np.uint16)
        tifffile.imwrite(path.with_name(f"t{number:03}.tif"), stack, photometric="minisblack")
    with pytest.raises(ModelError, match="has 4 planes: only sequences of flat images"):
        read(tmp_path)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_tables_of_spreadsheets_are_read(tmp_path: Path, separator: str) -> None:
    as_table(tmp_path)
    table = tmp_path / "tracks.csv"
    lines = table.read_text().replace(",4", ",4.5").replace(",", separator).replace(".", ",")
    table.write_text(lines)
    (movie,) = read(tmp_path)
    for track, path in zip(movie.tracks, PLACES.values(), strict=True):
        np.testing.assert_allclose(track.positions_px, path)
        np.testing.assert_allclose(track.sizes_px, 4.5)


def test_columns_without_a_known_name_are_to_be_renamed(tmp_path: Path) -> None:
    as_table(tmp_path)
    table = tmp_path / "tracks.csv"
    table.write_text(table.read_text().replace("id,", "cell no,", 1))
    with pytest.raises(ModelError, match="it has: cell no, frame, x, y, size: rename one to track"):
        read(tmp_path)
