"""Tables of tracks as TrackMate, trackpy and spreadsheets write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from pursuit.models.datasets import Tracks, check_tracks, read_annotated_movies, read_tracks
from pursuit.models.errors import ModelError
from pursuit.models.images import Recording, open_recording

from .pictures import written

PLACES = [(0, 5.0, 6.0), (1, 6.0, 6.5), (2, 7.0, 7.0)]
"""Frame, x and y."""


def trackmate(unit: str = "pixel", lone: str = "None") -> str:
    head = [
        "LABEL,ID,TRACK_ID,QUALITY,POSITION_X,POSITION_Y,POSITION_T,FRAME,RADIUS",
        "Label,Spot ID,Track ID,Quality,X,Y,T,Frame,Radius",
        "Label,Spot ID,Track ID,Quality,X,Y,T,Frame,R",
        f",,,(quality),({unit}),({unit}),(sec),,({unit})",
    ]
    rows = [f"ID{t},{t},0,5.6,{x},{y},{t * 30},{t},2.5" for t, x, y in PLACES]
    return "\n".join([*head, *rows, f"ID9,9,{lone},1,3,4,30,1,2.5"]) + "\n"


TRACKPY = "\n".join(
    [",y,x,mass,frame,particle", *(f"{t},{y},{x},9.0,{t},0.0" for t, x, y in PLACES), "9,1,1,9,1,"]
)
TOLD = "\n".join(
    ["sep=;", "track;frame;x;y", *(f"1;{t};{x};{y}".replace(".", ",") for t, x, y in PLACES)]
)
ACCENTS = "\n".join(["# track,t,x,y,Größe [µm²]", *(f"1,{t},{x},{y},9" for t, x, y in PLACES)])
REMARKS = "\n".join(["# made by a script, by hand", "# 3 rows", *ACCENTS.split("\n")])
QUOTED = "\n".join(["track,t,x,y", *(f'1,{t},"{x}","{y}"'.replace(".", ",") for t, x, y in PLACES)])
NAN = "\n".join(["track,t,x,y", *(f"1,{t},{x},{y}" for t, x, y in PLACES), "nan,0,1,1", "NaN,0,,"])


@pytest.mark.parametrize(
    "text", [trackmate(), trackmate(lone=""), TRACKPY, TOLD, ACCENTS, NAN, REMARKS, QUOTED]
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_tables_of_other_programs_are_read(tmp_path: Path, text: str, encoding: str) -> None:
    path = written(tmp_path / "t.csv", text.replace("\n", "\r\n").encode(encoding))
    tracks = read_tracks(path)
    assert len(tracks) == 1
    np.testing.assert_array_equal(tracks.frames[0], [t for t, _, _ in PLACES])
    np.testing.assert_allclose(tracks.positions[0], [place for _, *place in PLACES])


def movie(
    folder: Path, pixel_um: float | None = None, interval_s: float | None = None
) -> Recording:
    path = folder / "movie.tif"
    tifffile.imwrite(path, np.zeros((20, 24, 32), np.uint8), photometric="minisblack")
    return open_recording(path, pixel_um, interval_s)


def table(folder: Path, header: str, rows: list[str]) -> Tracks:
    return read_tracks(written(folder / "t.csv", "\n".join([header, *rows])))


def test_frames_stay_frames_where_only_some_are_annotated(tmp_path: Path) -> None:
    tracks = table(tmp_path, "track,frame,x,y", [f"1,{t},5,6" for t in (0, 5, 10, 15)])
    check_tracks(tracks, movie(tmp_path))
    assert tracks.interval == 5
    assert tracks.frames[0].tolist() == [0, 5, 10, 15]


def test_times_that_may_be_frames_or_seconds_are_refused(tmp_path: Path) -> None:
    tracks = table(tmp_path, "track,t,x,y", [f"1,{t},5,6" for t in (0, 5, 10, 15)])
    check_tracks(tracks, movie(tmp_path, interval_s=5.0))
    assert tracks.frames[0].tolist() == [0, 1, 2, 3]
    with pytest.raises(ModelError, match=r"a time every 5, .*: call their column frame, and count"):
        check_tracks(tracks, movie(tmp_path))


def test_positions_that_are_not_in_pixels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="are in micron: they have to be in pixels"):
        check_tracks(read_tracks(written(tmp_path / "t.csv", trackmate("micron"))), movie(tmp_path))
    with pytest.raises(ModelError, match="are in µm: they have to be in pixels"):
        check_tracks(table(tmp_path, "track,t,x_um,y_um", ["1,0,1,1", "1,1,1,1"]), movie(tmp_path))
    named = written(tmp_path / "t.csv", "track,frame,x [µm],y [µm]\n1,0,1,1\n1,1,1,1\n")
    with pytest.raises(ModelError, match="are in µm: they have to be in pixels"):
        check_tracks(read_tracks(named, {"x": "x [µm]", "y": "y [µm]"}), movie(tmp_path))
    own = table(tmp_path, "track,t,x,y,seen", ["1,0,1,1,1", "1,1,1,1,1"])
    check_tracks(own, movie(tmp_path))
    with pytest.raises(ModelError, match="are in µm where the movie has a scale"):
        check_tracks(own, movie(tmp_path, pixel_um=0.5))


@pytest.mark.parametrize(
    ("frames", "why"), [(range(1, 21), "count them from 0"), (range(5, 25), "to another one")]
)
def test_frames_that_the_movie_has_not_are_refused(tmp_path: Path, frames: range, why: str) -> None:
    tracks = table(tmp_path, "track,frame,x,y", [f"1,{frame},5,5" for frame in frames])
    with pytest.raises(ModelError, match=why):
        check_tracks(tracks, movie(tmp_path))


def test_a_place_far_outside_of_the_picture_is_named(tmp_path: Path) -> None:
    rows = [f"{track},{frame},5,5" for track in (1, 2, 3) for frame in range(4)]
    tracks = table(tmp_path, "track,frame,x,y", [*rows, "3,4,9634,7"])
    with pytest.raises(ModelError, match=r"in frame 4 that is far outside .* \(9634, 7\)"):
        check_tracks(tracks, movie(tmp_path))


def test_a_file_of_another_kind_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is XML, not a table"):
        table(tmp_path, '<?xml version="1.0"?>', ["<TrackMate/>"])


def test_a_track_that_divides_ends_there(tmp_path: Path) -> None:
    rows = ["1,0,5,5", "1,1,5,5", "1,2,3,5", "1,2,7,5", "1,3,8,5", "1,3,2,5", "1,4,9,5"]
    tracks = table(tmp_path, "track,frame,x,y", rows)
    assert tracks.times[0].tolist() == [0, 1]
    assert tracks.skipped == 5


def test_rows_that_are_there_twice_change_nothing(tmp_path: Path) -> None:
    rows = [f"1,{t},{t},5" for t in range(4)]
    tracks = table(tmp_path, "track,frame,x,y", rows * 2)
    assert tracks.positions[0][:, 0].tolist() == [0, 1, 2, 3]
    assert tracks.skipped == 4


@pytest.mark.parametrize(
    ("model", "image", "said"),
    [
        ("micron", "", "does not tell the size of a pixel: save it with its image"),
        ("micron", '<ImageData pixelwidth="0" pixelheight="0"/>', "a pixel is 0 × 0 in it"),
        ("pixel", "", None),
        ("micron", '<ImageData pixelwidth="0.5" pixelheight="0.5"/>', None),
    ],
)
def test_trackmate_files_tell_the_size_of_a_pixel(
    tmp_path: Path, model: str, image: str, said: str | None
) -> None:
    movie(tmp_path)
    spots = "".join(
        f'<Spot ID="{t}" FRAME="{t}" POSITION_X="{x}" POSITION_Y="{y}"/>' for t, x, y in PLACES
    )
    edges = "".join(f'<Edge SPOT_SOURCE_ID="{t}" SPOT_TARGET_ID="{t + 1}"/>' for t in (0, 1))
    text = (
        f'<TrackMate><Model spatialunits="{model}">{spots}<Track TRACK_ID="0">{edges}</Track>'
        f"</Model>{image}</TrackMate>"
    )
    written(tmp_path / "tracks.xml", text)
    if said:
        with pytest.raises(ModelError, match=said):
            read_annotated_movies(tmp_path)
        return
    scale = 0.5 if image else 1
    (read,) = read_annotated_movies(tmp_path)[0].tracks
    np.testing.assert_allclose(read.positions_px, [(x / scale, y / scale) for _, x, y in PLACES])


@given(st.binary(max_size=80))
def test_any_table_is_read_or_refused(tmp_path_factory, content: bytes) -> None:
    path = written(tmp_path_factory.mktemp("tables") / "t.csv", b"track,t,x,y\n1,0,1,1\n" + content)
    try:
        read_tracks(path)
    except ModelError as error:
        assert str(error)
