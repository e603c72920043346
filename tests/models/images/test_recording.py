"""One reader for all formats: the same frames, scales and sentences whatever the file."""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from ome_writers import AcquisitionSettings, Dimension, OmeZarrFormat, create_stream
from pursuit.models.errors import ModelError
from pursuit.models.images import open_recording, read_grey, read_labels, size_px

FRAMES = np.random.default_rng(0).integers(100, 900, (6, 40, 51), dtype=np.uint16)
BYTES = (FRAMES // 4).astype(np.uint8)
DATA = Path(os.environ.get("PURSUIT_DATA", Path(__file__).parents[3] / "../shared/data"))


def write(folder, name="movie.tif", frames: Any = FRAMES, **options):
    path = folder / name
    tifffile.imwrite(path, frames, **options)
    return path


def imagej(folder, axes="TYX", **more):
    about = {"axes": axes, "unit": "micron", "finterval": 0.5, **more}
    return write(folder, imagej=True, resolution=(2.0, 2.0), metadata=about)


def ome_tiff(folder, axes="TYX", **more):
    about = {
        "axes": axes,
        "PhysicalSizeX": 500.0,
        "PhysicalSizeXUnit": "nm",
        "TimeIncrement": 500.0,
        "TimeIncrementUnit": "ms",
        **more,
    }
    return write(folder, "movie.ome.tif", metadata=about)


def ome_zarr(folder, first="t"):
    space: Any = {"type": "space", "unit": "micrometer"}
    along: Any = {"t": {"type": "time", "unit": "second"}, "z": space}[first]
    dimensions: Any = [
        Dimension(name=first, count=None if first == "t" else 6, scale=0.5, **along),
        Dimension(name="y", count=40, scale=0.5, **space),
        Dimension(name="x", count=51, scale=0.5, **space),
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


def frames_of(recording):
    images = [recording[index] for index in range(len(recording))]
    assert all(image.dtype.isnative for image in images)
    return np.stack(images)


def refusal(opened, *arguments, **more):
    with pytest.raises(ModelError) as error:
        opened(*arguments, **more)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("make", [imagej, ome_tiff, ome_zarr])
def test_movies_of_every_format_are_the_same(tmp_path, make):
    path = make(tmp_path)
    movie = open_recording(path)
    assert (len(movie), movie.width_px, movie.height_px) == (6, 51, 40)
    assert (movie.pixel_um, movie.interval_s) == pytest.approx((0.5, 0.5))
    assert (movie.path, movie.step_um, movie.assumed) == (path, None, ())
    np.testing.assert_array_equal(frames_of(movie), FRAMES)
    given_scales = open_recording(str(path), pixel_um=2.0, interval_s=9.0)
    assert (given_scales.pixel_um, given_scales.interval_s) == (2.0, 9.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: imagej(folder, "ZYX", spacing=0.5),
        lambda folder: ome_tiff(folder, "ZYX", PhysicalSizeZ=500.0, PhysicalSizeZUnit="nm"),
        lambda folder: ome_zarr(folder, "z"),
    ],
)
def test_a_focus_stack_is_one_where_it_is_asked_for(tmp_path, make):
    path = make(tmp_path)
    stack = open_recording(path, along="Z")
    assert (stack.pixel_um, stack.step_um) == pytest.approx((0.5, 0.5))
    np.testing.assert_array_equal(frames_of(stack), FRAMES)
    assert not stack.notes


def test_a_movie_that_is_called_a_stack_is_one_and_says_so(tmp_path):
    movie = open_recording(imagej(tmp_path, "ZYX"))
    np.testing.assert_array_equal(frames_of(movie), FRAMES)
    assert movie.interval_s == 0.5 and movie.step_um is None
    assert movie.notes == ("the 6 planes of movie.tif are taken as times",)


def test_a_focus_stack_may_pass_with_time(tmp_path):
    stack = open_recording(ome_tiff(tmp_path, PhysicalSizeZ=2.0), along="Z")
    assert len(stack) == 6 and stack.step_um is None


@pytest.mark.parametrize(
    ("frames", "options"),
    [
        (FRAMES, {}),
        (FRAMES, {"compression": "zlib"}),
        (FRAMES, {"byteorder": ">"}),
        (FRAMES, {"bigtiff": True}),
        (FRAMES, {"tile": (16, 16)}),
        (FRAMES[:1], {}),
        (FRAMES[0], {}),
        (FRAMES[:, None], {"metadata": {"axes": "TCYX"}}),
        (FRAMES[None], {"metadata": {"axes": "QTYX"}}),
        (FRAMES[None], {"metadata": {"axes": "TQYX"}}),
        (BYTES, {}),
    ],
)
def test_tiff_files_show_their_pixels(tmp_path, frames, options):
    path = write(tmp_path, frames=frames, **options)
    seen = frames_of(open_recording(path))
    assert seen.dtype == frames.dtype
    np.testing.assert_array_equal(seen, frames.reshape(-1, 40, 51))
    np.testing.assert_array_equal(frames_of(open_recording(path.rename(tmp_path / "a.stk"))), seen)


@pytest.mark.parametrize("name", ["a.png", "a.BMP", "a.jpg", "a.tif", "without suffix"])
@pytest.mark.parametrize("image", [BYTES[0], FRAMES[0]])
def test_a_picture_is_a_movie_of_one_frame(tmp_path, name, image):
    if image.dtype == np.uint16 and name in ("a.BMP", "a.jpg"):
        pytest.skip("8 bits only")
    path = tmp_path / name
    if name.endswith("tif"):
        tifffile.imwrite(path, image)
    else:
        path.write_bytes(cv2.imencode(path.suffix.lower() or ".png", image)[1].tobytes())
    picture = open_recording(path)
    assert (len(picture), size_px(path)) == (1, (51, 40))
    assert picture.assumed == ("pixel_um", "interval_s")
    np.testing.assert_allclose(picture[0].astype(int), image, atol=80 if name == "a.jpg" else 0)
    np.testing.assert_array_equal(read_grey(path), picture[0])


def test_colours_turn_grey(tmp_path):
    grey = np.repeat(BYTES[0][..., None], 3, axis=-1)
    colours = np.array([[[30, 60, 210]]], np.uint8).repeat(20, 0).repeat(20, 1)
    luminance = round(0.299 * 30 + 0.587 * 60 + 0.114 * 210)
    for image, value in ((grey, BYTES[0]), (colours, luminance)):
        path = write(tmp_path, frames=image, photometric="rgb")
        np.testing.assert_array_equal(read_grey(path), np.broadcast_to(value, image.shape[:2]))
    cv2.imwrite(str(tmp_path / "a.png"), colours[..., ::-1])
    assert (read_grey(tmp_path / "a.png") == luminance).all()
    movie = np.stack([grey] * 3)
    path = write(tmp_path, frames=movie, photometric="rgb", metadata={"axes": "TYXS"})
    np.testing.assert_array_equal(frames_of(open_recording(path)), movie[..., 0])


def test_label_maps_keep_their_integers(tmp_path):
    labels = FRAMES[0].astype(np.uint32) * 1000
    np.testing.assert_array_equal(read_labels(write(tmp_path, frames=labels)), labels)
    for wrong in (FRAMES, labels.astype(np.float32), np.stack([BYTES[0]] * 3, axis=-1)):
        assert "not a label map" in refusal(read_labels, write(tmp_path, frames=wrong))


@pytest.mark.parametrize(
    ("frames", "options", "why"),
    [
        (FRAMES.astype(np.complex64), {}, "complex64"),
        (np.full_like(FRAMES, np.nan, np.float32), {}, "no pixel that is a number"),
        (np.stack([FRAMES] * 2, 1), {"metadata": {"axes": "TCYX"}}, "--channel"),
        (np.stack([FRAMES] * 2, 1), {"metadata": {"axes": "TZYX"}}, "2 planes, 0 to 1"),
        (np.stack([FRAMES] * 2, 1), {"metadata": {"axes": "TQYX"}}, "(TQYX, 6 x 2 x 40 x 51)"),
    ],
)
def test_other_files_are_refused_in_a_sentence(tmp_path, frames, options, why):
    assert why in refusal(open_recording, write(tmp_path, frames=frames, **options))


def test_a_movie_is_no_picture(tmp_path):
    assert "holds 6 images" in refusal(read_grey, write(tmp_path))


def test_scales_that_nobody_tells_are_one_and_say_so(tmp_path):
    movie = open_recording(write(tmp_path))
    assert (movie.pixel_um, movie.interval_s) == (1.0, 1.0)
    assert movie.assumed == ("pixel_um", "interval_s")
    assert open_recording(movie.path, 0.5, 2.0).assumed == ()
    for scale in (-1.0, 0.0, float("nan")):
        assert "pixel_um must be" in refusal(open_recording, movie.path, pixel_um=scale)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent.tif", "there is no movie"),
        ("notes.tif", "no TIFF"),
        ("notes.png", "cannot be read as a picture"),
        ("notes", "cannot be read as a picture"),
        ("empty.png", "cannot be read as a picture"),
        (".", "not an OME-Zarr image"),
    ],
)
def test_what_is_no_image_is_refused_in_a_sentence(tmp_path, name, why):
    for text in ("notes.tif", "notes.png", "notes"):
        (tmp_path / text).write_text("not a picture")
    (tmp_path / "empty.png").touch()
    assert why in refusal(open_recording, tmp_path / name)


def test_a_lost_chunk_is_noticed(tmp_path):
    path = ome_zarr(tmp_path)
    last = max(p for p in (path / "0" / "c").rglob("*") if p.is_file())
    last.unlink()
    assert "incomplete" in refusal(open_recording, path)


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
        movie = open_recording(path, 0.5, 0.5)
    except ModelError:
        return
    np.testing.assert_array_equal(frames_of(movie), FRAMES)


@pytest.mark.parametrize(
    "name", ["tcells_brightfield", "beads_brightfield", "loci_fluorescence", "fish_darkfield"]
)
def test_real_movies_show_their_pixels(name):
    path = DATA / "movies" / name / "movie.tif"
    if not path.is_file():
        pytest.skip(f"no movie at {path}; set PURSUIT_DATA")
    movie = open_recording(path)
    for index in (0, 3, len(movie) - 1):
        np.testing.assert_array_equal(movie[index], tifffile.imread(path, key=index))
