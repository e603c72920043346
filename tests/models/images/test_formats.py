"""Images and movies as other programs write them: the same pixels, scales and choices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tensorstore
import tifffile
from numpy.typing import NDArray
from PIL import Image
from pursuit.models.datasets import read_label_image
from pursuit.models.errors import ModelError
from pursuit.models.images import Choice, Recording, open_recording, read_grey

FRAMES = np.random.default_rng(0).integers(100, 900, (6, 40, 51), dtype=np.uint16)
BYTES = (FRAMES // 4).astype(np.uint8)


def frames_of(movie: Recording) -> NDArray[Any]:
    return np.stack([movie[index] for index in range(len(movie))])


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(ModelError) as error:
        open_recording(path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def zarr(folder: Path, pixels: NDArray[Any], version: str, *, axes: str, **more: Any) -> Path:
    """Write OME-Zarr as its specification says, axes t and so on, without a library for it."""
    old = version == "0.4"
    (folder / "0").mkdir(parents=True)
    chunks = [1] * (pixels.ndim - 2) + [*pixels.shape[-2:]]
    if old:
        metadata = {
            "shape": pixels.shape, "chunks": chunks, "dtype": ">u2", "dimension_separator": "/",
            "compressor": {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1},
        }  # fmt: skip
    else:
        grid = {"name": "regular", "configuration": {"chunk_shape": chunks}}
        metadata = {"shape": pixels.shape, "chunk_grid": grid, "data_type": "uint16"}
    array = tensorstore.open(
        {
            "driver": "zarr" if old else "zarr3",
            "kvstore": {"driver": "file", "path": str(folder / "0")},
            "metadata": metadata,
            "create": True,
        }
    ).result()
    array.write(pixels).result()
    kinds = {"t": {"type": "time", "unit": "second"}, "c": {"type": "channel"}}
    space = {"type": "space", "unit": "micrometer"}
    scale = [{"type": "scale", "scale": [0.5] * len(axes)}]
    image = {
        "version": version,
        "axes": [{"name": axis, **kinds.get(axis, space)} for axis in axes],
        "datasets": [{"path": "0", "coordinateTransformations": scale}],
        **more,
    }
    write_about(folder, version, {"multiscales": [image]})
    return folder


def write_about(folder: Path, version: str, about: dict[str, Any]) -> None:
    if version == "0.4":
        (folder / ".zgroup").write_text(json.dumps({"zarr_format": 2}))
        (folder / ".zattrs").write_text(json.dumps(about))
    else:
        attributes = {"attributes": {"ome": {"version": version, **about}}}
        node = {"zarr_format": 3, "node_type": "group", **attributes}
        (folder / "zarr.json").write_text(json.dumps(node))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_zarr_of_five_axes_and_scales_of_two_levels(tmp_path: Path, version: str) -> None:
    further = {"coordinateTransformations": [{"type": "scale", "scale": [4.0, 1, 1, 2, 2]}]}
    path = zarr(tmp_path / "m", FRAMES[:, None, None], version, axes="tczyx", **further)
    movie = open_recording(path)
    np.testing.assert_array_equal(frames_of(movie), FRAMES)
    assert (movie.interval_s, movie.pixel_um, movie.assumed) == (2.0, 1.0, ())


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({".zarray": {"zarr_format": 2}}, "is a Zarr array, which does not say"),
        ({"zarr.json": {"zarr_format": 3, "node_type": "array"}}, "is a Zarr array, which does"),
        (
            {".zgroup": {"zarr_format": 2}, ".zattrs": {"multiscales": [{"version": "0.2"}]}},
            "is OME-Zarr 0.2, and 0.4 and 0.5 are read: convert it",
        ),
        (
            {".zgroup": {"zarr_format": 2}, ".zattrs": {"multiscales": [{"version": "0.4"}]}},
            "but not as its specification says",
        ),
        ({".zgroup": {"zarr_format": 2}}, "no image of OME-Zarr"),
        ({"notes.txt": 1}, "is not an OME-Zarr image"),
    ],
)
def test_a_folder_that_is_no_image_is_told_as_what_it_is(
    tmp_path: Path, files: dict[str, Any], why: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    assert why in refusal(tmp_path)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_of_several_images_in_a_zarr_folder_one_is_chosen(tmp_path: Path, version: str) -> None:
    for number in range(2):
        zarr(tmp_path / str(number), FRAMES[:, None] + number, version, axes="tcyx")
    write_about(tmp_path, version, {"bioformats2raw.layout": 3})
    assert "2 positions, 0 (0), 1 (1)" in refusal(tmp_path)
    movie = open_recording(tmp_path, choice=Choice(position="1"))
    np.testing.assert_array_equal(frames_of(movie), FRAMES + 1)
    assert "no position 2" in refusal(tmp_path, choice=Choice(position=2))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_dark_chunk_that_is_left_out_is_dark_and_a_lost_image_is_an_error(
    tmp_path: Path, version: str
) -> None:
    path = zarr(tmp_path / "m", FRAMES, version, axes="tyx")
    chunks = sorted(p for p in (path / "0").rglob("*") if p.is_file() and "z" not in p.name)
    chunks[2].unlink()
    assert open_recording(path)[3].any()
    with pytest.raises(ModelError, match="frame 2 of the movie"):
        open_recording(path)[2]


@pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd", "packbits", "lzma"])
def test_compressed_tiff(tmp_path: Path, compression: str) -> None:
    tifffile.imwrite(tmp_path / "m.tif", FRAMES, compression=compression, predictor=False)
    np.testing.assert_array_equal(frames_of(open_recording(tmp_path / "m.tif")), FRAMES)


def test_colours_are_the_same_grey_in_every_order(tmp_path: Path) -> None:
    colours = np.random.default_rng(1).integers(0, 255, (5, 40, 51, 3), np.uint8)
    tifffile.imwrite(tmp_path / "contig.tif", colours, photometric="rgb")
    with tifffile.TiffWriter(tmp_path / "planar.tif") as tif:
        for image in np.moveaxis(colours, -1, 1):
            tif.write(image, photometric="rgb", planarconfig="separate", contiguous=False)
    Image.fromarray(colours[0]).save(tmp_path / "a.png")
    Image.fromarray(np.dstack([colours[0], BYTES[0]])).save(tmp_path / "alpha.png")
    grey = frames_of(open_recording(tmp_path / "contig.tif"))
    np.testing.assert_array_equal(frames_of(open_recording(tmp_path / "planar.tif")), grey)
    for name in ("a.png", "alpha.png"):
        np.testing.assert_array_equal(read_grey(tmp_path / name), grey[0])


def test_what_is_stored_inverted_or_by_a_palette_is_shown_as_meant(tmp_path: Path) -> None:
    white, palette = tmp_path / "white.tif", tmp_path / "palette.tif"
    tifffile.imwrite(white, 65535 - FRAMES, photometric="miniswhite")
    np.testing.assert_array_equal(frames_of(open_recording(white)), FRAMES)
    colours = np.tile(np.arange(256, dtype=np.uint16)[::-1] * 257, (3, 1))
    tifffile.imwrite(palette, BYTES[0], photometric="palette", colormap=colours)
    np.testing.assert_array_equal(read_grey(palette), (255 - BYTES[0].astype(np.uint16)) * 257)
    np.testing.assert_array_equal(read_label_image(palette), BYTES[0])


def test_of_several_channels_and_positions_one_is_chosen_by_name(tmp_path: Path) -> None:
    two = np.stack([FRAMES, FRAMES + 7], axis=1)
    named = {"axes": "TCYX", "Channel": {"Name": ["DAPI", "GFP"]}}
    with tifffile.TiffWriter(tmp_path / "m.ome.tif", ome=True) as tif:
        tif.write(two, metadata=named | {"Name": "left"})
        tif.write(two + 20, metadata=named | {"Name": "right"})
    path = tmp_path / "m.ome.tif"
    assert "2 positions, 0 (left), 1 (right)" in refusal(path)
    assert "2 channels, 0 (DAPI), 1 (GFP)" in refusal(path, choice=Choice(position=0))
    movie = open_recording(path, choice=Choice("right", "GFP"))
    np.testing.assert_array_equal(frames_of(movie), FRAMES + 27)
    tifffile.imwrite(tmp_path / "one.tif", FRAMES)
    assert "no channel GFP" in refusal(tmp_path / "one.tif", choice=Choice(channel="GFP"))
    assert "no position 1" in refusal(tmp_path / "one.tif", choice=Choice(position=1))


def test_a_file_of_a_set_that_is_missing_is_named(tmp_path: Path) -> None:
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="51" SizeY="40" '
        'SizeZ="1" SizeC="1" SizeT="2"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
        + "".join(
            f'<TiffData FirstT="{t}" IFD="0" PlaneCount="1"><UUID FileName="{t}.ome.tif">'
            f"urn:uuid:0000000{t}-0000-0000-0000-000000000000</UUID></TiffData>"
            for t in range(2)
        )
        + "</Pixels></Image></OME>"
    )
    tifffile.imwrite(tmp_path / "0.ome.tif", FRAMES[0], description=xml, metadata=None)
    assert "1.ome.tif" in refusal(tmp_path / "0.ome.tif")


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (FRAMES.astype(np.float32), "taken as 16 bits"),
        (FRAMES.astype(np.int16) - 500, "-400 as 0"),
        (FRAMES.astype(np.uint32), "taken as 16 bits"),
        (FRAMES.astype(np.float32) / 900, "are taken as 0 to 65535"),
    ],
)
def test_other_types_of_pixels_keep_their_steps(
    tmp_path: Path, pixels: NDArray[Any], said: str
) -> None:
    pixels[0, 0, 0], pixels[0, 0, 1] = pixels.min(), pixels.max()
    tifffile.imwrite(tmp_path / "m.tif", pixels)
    movie = open_recording(tmp_path / "m.tif")
    assert said in movie.notes[0]
    got, wanted = frames_of(movie).astype(float), pixels.astype(float)
    scale = np.polyfit(wanted.ravel(), got.ravel(), 1)
    np.testing.assert_allclose(got, np.polyval(scale, wanted), atol=0.51)


def test_a_pixel_that_is_no_number_is_dark(tmp_path: Path) -> None:
    pixels = FRAMES / np.float32(900)
    pixels[0, 0, 0] = np.nan
    tifffile.imwrite(tmp_path / "m.tif", pixels.astype(np.float32))
    assert open_recording(tmp_path / "m.tif")[0][0, 0] == 0


def test_an_absurd_value_does_not_blacken_the_others(tmp_path: Path) -> None:
    pixels = FRAMES / np.float32(900)
    clean = pixels.copy()
    pixels[0, 3, 4], pixels[2, 1, 1] = 1e30, -np.finfo(np.float32).max
    tifffile.imwrite(tmp_path / "m.tif", pixels)
    movie = open_recording(tmp_path / "m.tif")
    assert "absurd values beyond cut off" in movie.notes[-1]
    shown = frames_of(movie)[4].astype(float)
    assert np.ptp(shown) > 40
    assert np.corrcoef(shown.ravel(), clean[4].ravel())[0, 1] > 0.999
    assert movie[0][3, 4] == 65_535 and movie[2][1, 1] == 0


OME = (
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels '
    'ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="51" SizeY="40" SizeZ="1" SizeC="1" '
    'SizeT="6" {}><Channel ID="Channel:0:0" SamplesPerPixel="1"/><TiffData/>{}</Pixels></Image>'
    "</OME>"
)
PLANES = "".join(
    f'<Plane TheZ="0" TheC="0" TheT="{t}" DeltaT="{5 * t + 0.01 * (t == 2)}" DeltaTUnit="s"/>'
    for t in range(6)
)
SIZE = 'PhysicalSizeX="0.65" PhysicalSizeY="0.65"'


@pytest.mark.parametrize(
    ("about", "planes", "pixel_um", "interval_s"),
    [
        (SIZE, PLANES, 0.65, 5.0),
        (f'{SIZE} TimeIncrement="0"', PLANES, 0.65, 5.0),
        (f'{SIZE} TimeIncrement="9997" TimeIncrementUnit="µs"', "", 0.65, 0.009997),
        ('PhysicalSizeX="0,65" PhysicalSizeY="0,65" TimeIncrement="5"', "", 0.65, 5.0),
        ('PhysicalSizeX="6.5E-7" PhysicalSizeXUnit="m" TimeIncrement="5"', "", 0.65, 5.0),
        ('PhysicalSizeX="650" PhysicalSizeXUnit="Nanometres" TimeIncrement="5"', "", 0.65, 5.0),
        (f'{SIZE} TimeIncrement="1"', PLANES, 0.65, 5.0),
        (f'{SIZE} TimeIncrement="4.9"', PLANES, 0.65, 4.9),
        (SIZE, PLANES.replace('DeltaT="25.0"', 'DeltaT="625"'), 0.65, 5.0),
    ],
)
def test_ome_tells_scales_in_many_ways(
    tmp_path: Path, about: str, planes: str, pixel_um: float, interval_s: float
) -> None:
    with tifffile.TiffWriter(tmp_path / "m.ome.tif") as tif:
        for index, frame in enumerate(FRAMES):
            xml = None if index else OME.format(about, planes).encode()
            tif.write(frame, contiguous=False, description=xml, metadata=None)
    movie = open_recording(tmp_path / "m.ome.tif")
    assert (movie.pixel_um, movie.interval_s) == pytest.approx((pixel_um, interval_s))


def test_imagej_and_plain_tags_tell_scales(tmp_path: Path) -> None:
    path, edge = tmp_path / "m.tif", 1 / 6.5e-5
    about = {"axes": "TYX", "unit": "cm", "fps": 20.0}
    tifffile.imwrite(path, FRAMES, imagej=True, resolution=(edge, edge), metadata=about)
    movie = open_recording(path)
    assert (movie.pixel_um, movie.interval_s) == pytest.approx((0.65, 0.05))
    tifffile.imwrite(path, FRAMES, resolution=(edge, edge), resolutionunit="CENTIMETER")
    assert open_recording(path).pixel_um == pytest.approx(0.65)
    tifffile.imwrite(path, FRAMES, resolution=(72, 72), resolutionunit="INCH")
    assert "pixel_um" in open_recording(path).assumed
    about = {"axes": "TYX", "unit": "inch"}
    tifffile.imwrite(path, FRAMES, imagej=True, resolution=(72, 72), metadata=about)
    assert "pixel_um" in open_recording(path).assumed


def test_a_stack_of_micro_manager_is_whole_without_what_stands_after_its_pixels(
    tmp_path: Path,
) -> None:
    """An interrupted recording has no index, comments and display settings; frames are dated."""
    with tifffile.TiffWriter(tmp_path / "m.tif") as tif:
        for index, frame in enumerate(FRAMES):
            told = json.dumps({"ElapsedTime-ms": 250.0 * index, "FrameIndex": index})
            extra = [(51123, "s", 0, told, True)]
            tif.write(frame, contiguous=False, metadata=None, extratags=extra)
    movie = open_recording(tmp_path / "m.tif")
    np.testing.assert_array_equal(frames_of(movie), FRAMES)
    assert movie.interval_s == pytest.approx(0.25)


def test_pixels_that_are_not_square_are_refused_unless_an_edge_is_given(tmp_path: Path) -> None:
    about = {"axes": "TYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 1.0}
    tifffile.imwrite(tmp_path / "m.ome.tif", FRAMES, metadata=about)
    assert "0.5 µm wide and 1 µm high" in refusal(tmp_path / "m.ome.tif")
    assert open_recording(tmp_path / "m.ome.tif", pixel_um=0.5).pixel_um == 0.5


def test_a_video_is_a_movie(tmp_path: Path) -> None:
    path = tmp_path / "m.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (64, 48))
    for level in range(0, 200, 20):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    movie = open_recording(path)
    assert (len(movie), movie.interval_s, movie.height_px) == (10, pytest.approx(0.05), 48)
    for index in np.array([3, 9, 0]):
        assert abs(float(movie[index].mean()) - 20 * index) < 3


def test_formats_of_makers_are_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "m.czi").write_bytes(b"ZISRAWFILE")
    assert "Zeiss" in refusal(tmp_path / "m.czi") and "OME-TIFF" in refusal(tmp_path / "m.czi")
