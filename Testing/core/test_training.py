"""Training: labels that fit their images, and a run that writes what can be loaded."""

import numpy as np
import pytest
import torch
from PerfusionDLLib import networks, training
from PerfusionDLLib.networks.unet import UNet
from PerfusionDLLib.training import fit
from PerfusionDLLib.training.synthetic.samples import CROP, DRAW, Sample, turned


def slice_with_rv(seed):
    rng = np.random.default_rng(seed)
    drawn = (DRAW["points"](rng) for _ in range(50))
    return next(sample for sample in drawn if np.isfinite(sample.points_px).all())


@pytest.mark.parametrize("step", networks.STEPS)
def test_a_sample_is_the_same_for_the_same_seed_and_another_for_another(step):
    one, same, other = (DRAW[step](np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.image, same.image)
    assert not np.array_equal(one.image, other.image)
    assert np.isfinite(one.image).all()


@pytest.mark.parametrize("seed", range(20))
def test_insertion_points_lie_on_the_epicardium(seed):
    sample = slice_with_rv(seed)
    rows, columns = np.indices(sample.labels.shape)
    inside_lv = np.isin(sample.labels, (1, 2))
    for row, column in sample.points_px:
        away = np.hypot(rows - row, columns - column)
        assert away[inside_lv].min() * CROP.spacing_mm < 4
        assert away[~inside_lv].min() * CROP.spacing_mm < 4


def test_insertion_points_lie_beside_the_rv_in_nine_of_ten_hearts():
    """Of a shallow RV within a thick wall, less blood may be left than reaches its corners."""
    far = []
    for seed in range(40):
        sample = slice_with_rv(seed)
        rows, columns = np.nonzero(sample.labels == 3)
        away = np.hypot(rows - sample.points_px[:, :1], columns - sample.points_px[:, 1:])
        far.append(away.size == 0 or away.min(axis=1).max() * CROP.spacing_mm >= 18)
    assert np.mean(far) <= 0.1


def test_the_middle_of_the_rv_lies_clockwise_between_the_points_of_every_drawing_in_every_pose():
    drawn = [slice_with_rv(100 + seed) for seed in range(60)]
    assert all(map(is_clockwise, drawn))
    for sample in drawn[:6]:
        for mirror in (False, True):
            assert all(is_clockwise(turned(sample, quarter_turns, mirror)) for quarter_turns in range(4))


def is_clockwise(sample):
    """Whether the middle of the RV lies clockwise between the first and the last point."""
    heart = np.argwhere(np.isin(sample.labels, (1, 2))).mean(axis=0)
    rv = np.argwhere(sample.labels == 3).mean(axis=0)
    first, last, middle = (np.arctan2(*(point - heart)) for point in (*sample.points_px, rv))
    return (middle - first) % (2 * np.pi) < (last - first) % (2 * np.pi)


def test_the_moments_of_a_drawing_differ_as_those_of_a_first_pass():
    drawn = [slice_with_rv(200 + seed) for seed in range(40)]
    peak, full, late = (
        np.array([[one.image[moment][one.labels == label].mean() for label in (1, 2, 3)] for one in drawn])
        for moment in range(3)
    )
    myocardium, cavity, right = range(3)
    np.testing.assert_allclose([np.percentile(one.image, 99, axis=(1, 2)) for one in drawn], 1, rtol=1e-4)
    assert np.mean(full[:, right] / full[:, cavity] > peak[:, right] / peak[:, cavity]) > 0.8
    assert np.mean(late[:, myocardium] / late[:, cavity] > peak[:, myocardium] / peak[:, cavity]) > 0.8


def test_a_network_that_sees_more_begins_with_what_one_that_saw_less_knew(tmp_path):
    torch.manual_seed(3)
    less, more = (UNet(channels_in=count, channels_out=4, widths=[8, 16]).eval() for count in (1, 3))
    torch.save(less.state_dict(), tmp_path / "less.pt")
    fit._borrow(more, tmp_path / "less.pt")
    image = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(more(image), less(image[:, :1]))


def test_eight_poses_are_eight_different_images():
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    sample = Sample(image, image[0].astype(np.uint8), np.array([[1.0, 2.0], [3.0, 0.0]]))
    poses = {turned(sample, turns, mirror).image.tobytes() for turns in range(4) for mirror in (False, True)}
    assert len(poses) == 8


def test_a_point_stays_on_its_pixel_when_the_image_is_turned():
    image = np.arange(25, dtype=np.float32).reshape(1, 5, 5)
    sample = Sample(image, image[0].astype(np.uint8), np.array([[1.0, 3.0], [4.0, 2.0]]))
    values = [image[0, 1, 3], image[0, 4, 2]]
    for turns in range(4):
        for mirror in (False, True):
            pose = turned(sample, turns, mirror)
            rows, columns = pose.points_px.astype(int).T
            assert sorted(pose.image[0, rows, columns]) == sorted(values)


@pytest.mark.slow
def test_a_short_training_writes_networks_that_load_and_goes_on_where_it_stopped(tmp_path):
    said = []
    training.train(tmp_path, minutes=0.1, step="labels", seed=1, progress=said.append)
    (card,) = training.train(tmp_path, minutes=0.3, step="labels", seed=1, progress=said.append)
    assert card == tmp_path / "labels.json"
    network = networks._load_network(card, "cpu")
    assert network.card["training"]["batches"] >= 2
    assert network(np.zeros((3, 96, 96), np.float32)).shape == (4, 96, 96)


def test_a_training_goes_on_from_the_weights_of_a_folder(tmp_path):
    training.train(tmp_path, minutes=1e-4, step="box", weights=networks.SHIPPED, progress=lambda line: None)
    before, after = (networks.load_networks(folder).box for folder in (networks.SHIPPED, with_others(tmp_path)))
    for name, weight in before.module.named_parameters():
        torch.testing.assert_close(dict(after.module.named_parameters())[name], weight, atol=2e-3, rtol=0)
    assert after.card["training"]["command"].endswith("--weights FOLDER")


def with_others(folder):
    """A folder of one trained network with the shipped ones beside it."""
    for file in networks.SHIPPED.iterdir():
        if not (folder / file.name).exists():
            (folder / file.name).write_bytes(file.read_bytes())
    return folder
