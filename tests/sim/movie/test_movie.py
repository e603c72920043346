import numpy as np
import pytest
from pursuit.sim.movie import Movie

S = 1_000_000_000
FRAMES = np.random.default_rng(0).integers(100, 900, (6, 40, 51), dtype=np.uint16)


@pytest.fixture
def movie():
    return Movie(FRAMES, pixel_um=0.5, interval_s=0.5)


def field(movie, t_ns=0, centre_um=(0.0, 0.0), size=None, **more):
    width, height = size or (movie.width_px, movie.height_px)
    out = np.zeros((height, width), movie.dtype)
    movie.field(t_ns, centre_um, width, height, out, **more)
    return out


def test_a_whole_field_shows_each_frame(movie):
    assert (movie.count, movie.width_px, movie.height_px) == (6, 51, 40)
    assert movie.duration_s == pytest.approx(3.0)
    for i in range(6):
        np.testing.assert_array_equal(field(movie, i * S // 2), FRAMES[i])


def test_bytes_stay_bytes():
    movie = Movie((FRAMES // 4).astype(np.uint8), 0.5, 0.5)
    np.testing.assert_array_equal(field(movie), FRAMES[0] // 4)


def test_time_holds_each_frame_and_then_the_last(movie):
    assert [movie.index_at(int(t * S)) for t in (0, 0.49, 0.5, 2.9, 3.1, 1e6)] == [0, 0, 1, 5, 5, 5]


def test_the_field_moves_by_whole_and_broken_pixels(movie):
    median = round(np.median(FRAMES[0][::4, ::4]))
    right = field(movie, centre_um=(3 * 0.5, -2 * 0.5))
    np.testing.assert_array_equal(right[2:, :-3], FRAMES[0][:-2, 3:])
    assert (right[:2] == median).all()
    assert (right[:, -3:] == median).all()
    half = field(movie, centre_um=(0.25, 0.0)).astype(float)
    means = (FRAMES[0][:, :-1].astype(float) + FRAMES[0][:, 1:]) / 2
    np.testing.assert_allclose(half[:, :-1], means, atol=1.0)
    assert (field(movie, centre_um=(1e7, 1e7)) == median).all()


def test_a_small_field_shows_what_lies_at_its_centre(movie):
    centre_um = movie.um_of_px(30, 12)
    np.testing.assert_allclose(movie.px_of_um(*centre_um), (30, 12))
    assert movie.um_of_px(25, 19.5) == (0.0, 0.0)
    np.testing.assert_array_equal(field(movie, 0, centre_um, (5, 7)), FRAMES[0][9:16, 28:33])


def test_defocus_blurs(movie):
    spreads = [field(movie, defocus_um=z).std() for z in (0.0, 1.0, -3.0, 1e4)]
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[1] < 0.8 * spreads[0]


def test_a_frame_of_another_kind_is_not_filled(movie):
    with pytest.raises(ValueError, match="uint16"):
        movie.field(0, (0, 0), 8, 8, np.zeros((8, 8), np.uint8))
