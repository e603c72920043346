"""Training of predictors: tracks read and drawn, every architecture trained and used."""

import json
import math

import numpy as np
import pytest
from pursuit.models.datasets import read_tracks
from pursuit.models.errors import ModelError


def _write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_tracks_are_sorted_and_loose_rows_are_counted(tmp_path):
    path = _write(
        tmp_path / "t.csv",
        "Track,time,X,Y,quality\nb,120,3,4,1\nb,0,1,2,1\n,0,9,9,1\nb,0,7,7,1\na,0,5,6,\n",
    )
    tracks = read_tracks(path)
    assert len(tracks) == 2 and tracks.skipped == 2
    assert tracks.interval == 120
    np.testing.assert_array_equal(tracks.times[0], [0, 120])
    np.testing.assert_array_equal(tracks.positions[0], [[1, 2], [3, 4]])


def test_columns_can_be_named_and_z_is_taken_where_it_is(tmp_path):
    path = _write(tmp_path / "t.csv", "ID;,when,east,north,z\n1,0,1,2,3\n1,1,1,2,4\n")
    named = {"track": "ID;", "t": "when", "x": "east", "y": "north"}
    assert read_tracks(path, named).positions[0].tolist() == [[1, 2, 3], [1, 2, 4]]


@pytest.mark.parametrize(
    ("text", "columns", "sentence"),
    [
        ("", {}, "has no rows"),
        ("track,t,x\n1,0,1\n", {}, "has no column 'y'; it has: track, t, x"),
        ("track,t,x,y\n1,0,1,2\n", {"x": "X"}, "has no column 'X'"),
        ("track,t,x,y\n1,0,1,2\n", {"q": "x"}, "there is no 'q' in tracks"),
        ("track,t,x,y\n1,0,one,2\n", {}, "line 2: x is 'one', not a finite number"),
        ("track,t,x,y\n1,0,1\n", {}, "line 2: y is '', not a finite number"),
        ("track,t,x,y\n1,0,1,2\n2,1,1,2\n", {}, "has no track with two measurements"),
    ],
)
def test_tables_that_cannot_be_used_are_refused_in_a_sentence(tmp_path, text, columns, sentence):
    with pytest.raises(ModelError, match=sentence.replace("?", ".")):
        read_tracks(_write(tmp_path / "t.csv", text), columns)
    with pytest.raises(ModelError, match="cannot be read"):
        read_tracks(tmp_path / "nothing.csv")


def test_noise_is_guessed_from_steps_that_turn_back(tmp_path):
    rng = np.random.default_rng(0)
    places = np.cumsum(rng.normal(0, 1.0, (4000, 2)), axis=0) + rng.normal(0, 0.7, (4000, 2))
    rows = [f"1,{t},{x},{y}" for t, (x, y) in enumerate(places)]
    tracks = read_tracks(_write(tmp_path / "t.csv", "\n".join(["track,t,x,y", *rows])))
    assert tracks.noise == pytest.approx(0.7, rel=0.1)


def _given(tmp_path, rng):
    rows = [
        f"{n},{t},{place[0]},{place[1]}"
        for n in range(12)
        for t, place in enumerate(np.cumsum(rng.normal(size=(int(rng.integers(3, 30)), 2)), axis=0))
    ]
    return read_tracks(_write(tmp_path / "given.csv", "\n".join(["track,t,x,y", *rows])))


@pytest.mark.parametrize("arch", ["lstm", "gru", "tcn"])
def test_what_is_trained_predicts_and_has_its_card(tmp_path, arch):
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from pursuit.models.datasets import to_training_tracks
    from pursuit.models.predictors.learned import Recurrent, RecurrentOptions
    from pursuit.models.training.predictor import PredictorRecipe, train_predictor

    rng = np.random.default_rng(1)
    source = to_training_tracks(_given(tmp_path, rng))
    recipe = PredictorRecipe(arch, hidden=8, steps=4, batch=8, length=10, held_back=0.3)
    losses = []
    path = tmp_path / f"{arch}.onnx"
    train_predictor([source], recipe, path, lambda step, steps, loss: losses.append(loss))
    assert len(losses) == 4 and np.isfinite(losses).all()
    card = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert card["task"] == "motion" and card["architecture"] == arch
    assert card["data"][0]["tracks"] + card["data"][0]["held_back"] == len(source)
    trained = Recurrent(RecurrentOptions(str(path)))
    trained.advance(0)
    slots = trained.begin(np.zeros((3, 3)), np.full(3, 0.01))
    forecast = trained.predict(slots, 10)
    assert trained.name == arch and (np.linalg.eigvalsh(forecast.covs_um2) > 0).all()


def test_the_file_computes_what_the_network_does(tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from pursuit.models.predictors.learned.network import RecurrentNetwork
    from pursuit.models.training.predictor.model import PredictorModel
    from pursuit.models.training.predictor.train import export_predictor

    torch.manual_seed(0)
    model = PredictorModel("lstm", 16)
    export_predictor(model, tmp_path / "m.onnx")
    network, rng = RecurrentNetwork(tmp_path / "m.onnx"), np.random.default_rng(0)
    measurements = np.abs(rng.normal(size=(20, 5, 4))).astype(np.float32)
    rows = np.zeros((5, network.width), np.float32)
    for measurement in measurements:
        rows = network.update(rows, measurement).copy()
    with torch.no_grad():
        expected = model.update_all(torch.from_numpy(measurements))
        frames = torch.full((5, 1), 2.5)
        _, outlook = model(expected[0], torch.ones(5, 4), expected[-1], frames)
    np.testing.assert_allclose(rows, expected[-1].numpy(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(network.predict(rows, frames.numpy()), outlook, rtol=1e-3, atol=1e-4)
    one = network.update(rows[:1], measurements[0, :1])
    np.testing.assert_allclose(
        one[0], network.update(rows, measurements[0])[0], rtol=1e-3, atol=1e-4
    )


def test_features_do_not_change_when_a_track_is_turned_or_scaled():
    torch = pytest.importorskip("torch")
    from pursuit.models.training.predictor.motion_features import MotionFeatures

    motion, rng = MotionFeatures(), np.random.default_rng(3)
    angle = 0.7
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    steps = rng.normal([1.0, 0.0], size=(12, 5, 2))
    features = []
    for scale, turned in ((1.0, np.eye(2)), (30.0, turn)):
        row = torch.zeros(5, MotionFeatures.width)
        for step in scale * steps @ turned:
            about = np.column_stack([step, np.ones(5), np.full(5, (0.1 * scale) ** 2)])
            row = motion(row, torch.from_numpy(about.astype(np.float32)))
        features.append(motion.features(row).numpy())
    assert features[0].shape == (5, MotionFeatures.count)
    np.testing.assert_allclose(features[0], features[1], rtol=1e-3, atol=1e-3)


def test_the_ellipse_is_learned_where_no_normal_distribution_fits():
    """Half of the objects stay, half dart off: the 95 % ellipse still holds 95 %."""
    torch = pytest.importorskip("torch")
    from pursuit.models.training.predictor.loss import Errors, loss_of

    torch.manual_seed(0)
    length = torch.where(torch.rand(20_000, 1) < 0.5, 0.1, 3.0)
    squares = (length * torch.randn(20_000, 2)).square()
    spread, stretch = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([spread, stretch], 0.05)
    ones = torch.ones(20_000, 1)
    for _ in range(200):
        scales2 = spread.exp().expand(20_000, 2)
        variances = (spread.detach() + stretch).exp().expand(20_000, 2)
        loss = loss_of(Errors(squares, scales2, variances, 5 * ones, ones, ones))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    within = (squares.sum(1) / (spread + stretch).exp() < 5.991).float().mean().item()
    assert within == pytest.approx(0.95, abs=0.01)
