import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from ome_writers import AcquisitionSettings, Dimension, OmeZarrFormat, create_stream
from pursuit.sim.movie import Movie, MovieError

S = 1_000_000_000
FRAMES = np.random.default_rng(0).integers(100, 900, (6, 40, 51), dtype=np.uint16)
DATA = Path(os.environ.get("PURSUIT_DATA", Path(__file__).parents[3] / "../shared/data"))


def write(folder, name="movie.tif", frames=FRAMES, **options):
    path = folder / name
    tifffile.imwrite(path, frames, **options)
    return path


def imagej(folder):
    about = {"axes": "TYX", "unit": "micron", "finterval": 0.5}
    return write(folder, imagej=True, resolution=(2.0, 2.0), metadata=about)


def ome_tiff(folder):
    about = {
        "axes": "TYX",
        "PhysicalSizeX": 500.0,
        "PhysicalSizeXUnit": "nm",
        "TimeIncrement": 500.0,
        "TimeIncrementUnit": "ms",
    }
    return write(folder, "movie.ome.tif", metadata=about)


def ome_zarr(folder):
    space: Any = {"type": "space", "unit": "micrometer", "scale": 0.5}
    dimensions: Any = [
        Dimension(name="t", count=None, type="time", unit="second", scale=0.5),
        Dimension(name="y", count=40, **space),
        Dimension(name="x", count=51, **space),
    ]
    path = folder / "movie.ome.zarr"
    with create_stream(
        AcquisitionSettings(
            root_path=str(path),
            dimensions=dimensions,
            dtype="uint16",
            format=OmeZarrFormat(backend="tensorstore"),
        )
    ) as stream:
        for frame in FRAMES:
            stream.append(frame)
    return path


def field(movie, t_ns=0, centre_um=(0.0, 0.0), size=None, **more):
    width, height = size or (movie.width_px, movie.height_px)
    out = np.zeros((height, width), movie.dtype)
    movie.field(t_ns, centre_um, width, height, out, **more)
    return out


@pytest.mark.parametrize("make", [imagej, ome_tiff, ome_zarr])
def test_scales_come_from_the_file_unless_given(tmp_path, make):
    path = make(tmp_path)
    movie = Movie.open(path)
    assert (movie.frames, movie.width_px, movie.height_px) == (6, 51, 40)
    assert (movie.pixel_um, movie.interval_s) == pytest.approx((0.5, 0.5))
    assert movie.duration_s == pytest.approx(3.0)
    assert movie.extent_um == pytest.approx((25.5, 20.0))
    for i in range(6):
        np.testing.assert_array_equal(field(movie, i * S // 2), FRAMES[i])
    given_scales = Movie.open(path, pixel_um=2.0, interval_s=9.0)
    assert (given_scales.pixel_um, given_scales.interval_s) == (2.0, 9.0)


def test_time_holds_each_frame_and_then_the_last(tmp_path):
    movie = Movie.open(imagej(tmp_path))
    assert [movie.index_at(int(t * S)) for t in (0, 0.49, 0.5, 2.9, 3.1, 1e6)] == [0, 0, 1, 5, 5, 5]


def test_the_field_moves_by_whole_and_broken_pixels(tmp_path):
    movie = Movie.open(imagej(tmp_path))
    plain = round(np.median(FRAMES[0][::4, ::4]))
    right = field(movie, centre_um=(3 * 0.5, -2 * 0.5))
    np.testing.assert_array_equal(right[2:, :-3], FRAMES[0][:-2, 3:])
    assert (right[:2] == plain).all()
    assert (right[:, -3:] == plain).all()
    half = field(movie, centre_um=(0.25, 0.0)).astype(float)
    means = (FRAMES[0][:, :-1].astype(float) + FRAMES[0][:, 1:]) / 2
    np.testing.assert_allclose(half[:, :-1], means, atol=1.0)
    assert (field(movie, centre_um=(1e7, 1e7)) == plain).all()


def test_a_small_field_shows_what_lies_at_its_centre(tmp_path):
    movie = Movie.open(imagej(tmp_path))
    centre_um = movie.um_of_px(30, 12)
    np.testing.assert_allclose(movie.px_of_um(*centre_um), (30, 12))
    assert movie.um_of_px(25, 19.5) == (0.0, 0.0)
    np.testing.assert_array_equal(field(movie, 0, centre_um, (5, 7)), FRAMES[0][9:16, 28:33])


def test_defocus_blurs(tmp_path):
    movie = Movie.open(imagej(tmp_path))
    spreads = [field(movie, defocus_um=z).std() for z in (0.0, 1.0, -3.0, 1e4)]
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[1] < 0.8 * spreads[0]


@pytest.mark.parametrize(
    ("frames", "options"),
    [
        (FRAMES, {}),
        (FRAMES, {"compression": "zlib"}),
        (FRAMES, {"byteorder": ">"}),
        (FRAMES[:1], {}),
        (FRAMES[0], {}),
        (FRAMES[:, None], {"metadata": {"axes": "TCYX"}}),
        ((FRAMES // 4).astype(np.uint8), {}),
    ],
)
def test_plain_files_show_their_pixels(tmp_path, frames, options):
    movie = Movie.open(write(tmp_path, frames=frames, **options), 0.5, 0.5)
    np.testing.assert_array_equal(field(movie), frames.reshape(-1, 40, 51)[0])


def test_colour_turns_grey_and_one_page_needs_no_interval(tmp_path):
    colour = np.repeat((FRAMES[0] // 4).astype(np.uint8)[..., None], 3, axis=-1)
    movie = Movie.open(write(tmp_path, frames=colour, photometric="rgb"), pixel_um=1.0)
    np.testing.assert_array_equal(field(movie), colour[..., 0])


@pytest.mark.parametrize(
    ("frames", "options", "why"),
    [
        (FRAMES.astype(np.float32), {}, "float32"),
        (FRAMES, {"imagej": True, "metadata": {"axes": "ZYX"}}, "no single time axis"),
        (np.stack([FRAMES] * 2, 1), {"metadata": {"axes": "TCYX"}}, "one channel"),
    ],
)
def test_other_files_are_refused_in_a_sentence(tmp_path, frames, options, why):
    with pytest.raises(MovieError, match=why):
        Movie.open(write(tmp_path, frames=frames, **options))


def test_scales_that_nobody_tells_are_one_and_say_so(tmp_path):
    movie = Movie.open(write(tmp_path, frames=FRAMES))
    assert (movie.pixel_um, movie.interval_s) == (1.0, 1.0)
    assert movie.assumed == ("pixel_um", "interval_s")
    assert Movie.open(movie.path, 0.5, 2.0).assumed == ()


def test_what_is_no_movie_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "notes.tif").write_text("not a picture")
    for path in (tmp_path / "absent.tif", tmp_path / "notes.tif", tmp_path):
        with pytest.raises(MovieError) as error:
            Movie.open(path)
        assert "\n" not in str(error.value)


def test_a_lost_chunk_is_noticed(tmp_path):
    path = ome_zarr(tmp_path)
    last = max(p for p in (path / "0" / "c").rglob("*") if p.is_file())
    last.unlink()
    with pytest.raises(MovieError, match="incomplete"):
        Movie.open(path)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cut")
    pages = folder / "pages.tif"
    with tifffile.TiffWriter(pages) as tif:
        for frame in FRAMES:
            tif.write(frame, contiguous=False)
    packed = write(folder, "packed.tif", compression="zlib")
    return [p.read_bytes() for p in (imagej(folder), ome_tiff(folder), pages, packed)]


@settings(max_examples=80, deadline=None)
@given(which=st.integers(0, 3), share=st.floats(0.0, 1.0))
def test_a_file_cut_short_is_refused_or_whole(tmp_path_factory, originals, which, share):
    path = tmp_path_factory.getbasetemp() / "short.tif"
    path.write_bytes(originals[which][: int(share * len(originals[which]))])
    try:
        movie = Movie.open(path, 0.5, 0.5)
    except MovieError:
        return
    assert movie.frames == 6
    np.testing.assert_array_equal(field(movie, 3 * S), FRAMES[5])


def test_a_frame_of_another_kind_is_not_filled(tmp_path):
    movie = Movie.open(imagej(tmp_path))
    with pytest.raises(ValueError, match="uint16"):
        movie.field(0, (0, 0), 8, 8, np.zeros((8, 8), np.uint8))


def test_a_real_movie_shows_its_pixels():
    path = DATA / "movies/tcells_brightfield/movie.tif"
    if not path.is_file():
        pytest.skip(f"no movie at {path}; set PURSUIT_DATA")
    movie = Movie.open(path, pixel_um=0.65, interval_s=45.0)
    frame = tifffile.imread(path, key=3)
    centre_um = movie.um_of_px(600, 400)
    seen = field(movie, 3 * 45 * S, centre_um, (101, 101))
    np.testing.assert_array_equal(seen, frame[350:451, 550:651])
