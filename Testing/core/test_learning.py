"""Corrections become cases that name nobody, cases become training samples, and samples train new networks."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from PerfusionDLLib import mrml, networks, phantom, training
from PerfusionDLLib.data.contours import Contours, Origin, Part
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.preprocessed import MotionCompensation, PreprocessedScan, PreprocessedSlice
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.evaluation.agreement import dice
from PerfusionDLLib.evaluation.network_scores import Score
from PerfusionDLLib.motion.field import resampled
from PerfusionDLLib.training import comparison, corrections, finetune
from PerfusionDLLib.training.correction_samples import TRAINED_BY, make_sampler
from scipy import ndimage

UID = "1.2.826.0.1.3680043.77"


def corrected_slice(seed):
    """A phantom slice whose muscle was drawn too thick automatically, and corrected to the truth by a reader."""
    made = phantom.simulate_series(seed, condition="stress", level="mid", size=96)
    truth, series = made.truth, made.series
    series = replace(series, instance_uids=tuple(f"{UID}.{frame}" for frame in range(len(series.signal))))
    motion = MotionCompensation(
        corrected=resampled(series.signal, truth.displacement_mm, series.spacing_mm),
        displacement_mm=truth.displacement_mm,
        reference_frame=truth.peak_frame,
        quality=np.ones(len(series.signal)),
        aligned=np.ones(len(series.signal), bool),
    )
    thick = truth.labels.copy()
    thick[ndimage.binary_dilation(truth.labels == 1) & (truth.labels == 0)] = 1
    automatic = Contours(
        peak_frame=truth.peak_frame,
        reference_frame=truth.peak_frame,
        box_px=truth.box_px,
        labels=thick,
        anterior_rv_ras_mm=series.ras_from_pixels(np.add(truth.anterior_rv_px, (3, 0))),
        inferior_rv_ras_mm=series.ras_from_pixels(truth.inferior_rv_px),
        origins=dict.fromkeys(Part, Origin.AUTOMATIC),
        confidences=dict.fromkeys(Part, 0.9),
    )
    contours = replace(automatic, labels=truth.labels, anterior_rv_ras_mm=series.ras_from_pixels(truth.anterior_rv_px))
    return PreprocessedSlice(series=series, motion=motion, contours=contours, automatic=automatic)


def write_results(folder, part):
    folder.mkdir(parents=True)
    mrml.saveStudy(folder / "scene.mrb", [PreprocessedScan(condition=Condition.STRESS, slices=(part,))])
    return folder


@pytest.fixture(scope="module")
def slices():
    return [corrected_slice(seed) for seed in (61001, 61002)]


@pytest.fixture(scope="module")
def results(slices, tmp_path_factory):
    """Results folders of two studies that a reader corrected; the folders are named after patients."""
    root = tmp_path_factory.mktemp("results")
    return [write_results(root / name, part) for name, part in zip(("Doe_John", "Roe_Jane"), slices, strict=True)]


@pytest.fixture(scope="module")
def found(results):
    """What was corrected in them."""
    return corrections.read_corrections(results)


@pytest.fixture(scope="module")
def cases(results, tmp_path_factory):
    """The same as cases."""
    folder = tmp_path_factory.mktemp("cases")
    corrections.export_cases(results, folder)
    return folder


def test_corrections_are_found_with_what_the_reader_changed(found, slices):
    assert [one.study for one in found] == [1, 2]
    for one, part in zip(found, slices, strict=True):
        assert one.parts == {Part.LABELS, Part.RV_INSERTION_POINTS}
        np.testing.assert_array_equal(one.case.reference.labels, part.contours.labels)
        anterior = part.series.pixels_from_ras(part.contours.anterior_rv_ras_mm)
        np.testing.assert_allclose(one.case.reference.rv_points_px[0], anterior, atol=1e-3)


def test_results_that_nobody_corrected_teach_nothing(slices, tmp_path):
    untouched = write_results(tmp_path / "untouched", replace(slices[0], contours=slices[0].automatic))
    with pytest.raises(PerfusionError, match="nothing to learn from"):
        corrections.read_corrections([untouched])
    with pytest.raises(PerfusionError, match="holds no results"):
        corrections.read_corrections([tmp_path])


def test_cases_are_the_corrections(cases, found):
    for case, result in zip(corrections.read_corrections([cases]), found, strict=True):
        assert (case.study, case.parts, case.reference_frame) == (result.study, result.parts, result.reference_frame)
        mine, theirs = case.case.reference, result.case.reference
        np.testing.assert_array_equal(case.case.series.signal, result.case.series.signal)
        np.testing.assert_array_equal(mine.labels, theirs.labels)
        np.testing.assert_allclose(mine.rv_points_px, theirs.rv_points_px, atol=1e-3)
        np.testing.assert_allclose(mine.displacement_mm, theirs.displacement_mm, atol=0.01)
        assert mine.peak_frame == theirs.peak_frame


def test_cases_name_nobody(cases, slices):
    """Neither a name nor an identifier nor a time of day nor a place in the scanner."""
    assert sorted(path.name for path in cases.iterdir()) == ["case_0001.npz", "case_0002.npz", "cases.json"]
    for path in cases.iterdir():
        assert not any(word in path.read_bytes() for word in (b"Doe", b"Roe", UID.encode()))
    for number, part in enumerate(slices, start=1):
        with np.load(cases / f"case_{number:04d}.npz") as stored:
            assert set(stored) == {
                *("signal", "times_s", "ijk_to_ras", "labels", "rv_points_px", "displacement_mm"),
            }
            assert stored["times_s"][0] == 0
            assert not stored["ijk_to_ras"][:3, 3].any()
            assert part.series.ijk_to_ras[:3, 3].any()


@pytest.mark.parametrize("step", networks.STEPS)
def test_a_sample_shows_the_heart_as_its_network_sees_it(found, step):
    network = getattr(networks.load_networks(), step)
    draw = make_sampler(found[0], network)
    rng = np.random.default_rng(0)
    for _ in range(8):
        sample = draw(rng)
        assert sample.image.shape == (network.channels, network.size, network.size)
        assert np.isfinite(sample.image).all()
        assert set(np.unique(sample.labels)) == {0, 1, 2, 3}
        bright = sample.image.mean(axis=0) if step == "peak" else sample.image[0]
        assert bright[sample.labels == 2].mean() > 1.3 * bright[sample.labels == 1].mean()
        heart = np.isin(sample.labels, (1, 2))
        if step == "points":
            middle, rv = (np.argwhere(mask).mean(axis=0) for mask in (heart, sample.labels == 3))
            edge = ndimage.distance_transform_edt(heart) + ndimage.distance_transform_edt(~heart)
            rows, columns = np.rint(sample.points_px).astype(int).T
            assert edge[rows, columns].max() < 4
            first, last, between = (np.arctan2(*(point - middle)) for point in (*sample.points_px, rv))
            assert (between - first) % (2 * np.pi) < (last - first) % (2 * np.pi)
        else:
            assert np.isnan(sample.points_px).all()


def test_the_target_of_a_sample_is_what_a_good_network_predicts(found):
    """The shipped network, given a sample of a phantom, predicts its target."""
    network = networks.load_networks().labels
    sample = make_sampler(found[0], network)(np.random.default_rng(1))
    answer = network(sample.image).argmax(axis=0)
    assert dice(answer == 1, sample.labels == 1) > 0.8
    assert dice(answer == 2, sample.labels == 2) > 0.85


def test_learning_leaves_the_network_it_began_with_as_it_was(found):
    old = networks.load_networks().labels
    before = {name: values.clone() for name, values in old.module.state_dict().items()}
    new, batches = finetune.train_further(old, found, minutes=0.02, seed=0, progress=lambda line: None)
    assert batches > 0
    after = new.module.state_dict()
    for name, values in old.module.state_dict().items():
        assert values.equal(before[name])
        if "running" in name:
            assert after[name].equal(before[name])
    assert not all(after[name].equal(before[name]) for name in before)


def test_networks_are_written_beside_the_old_ones_with_cards_that_say_what_happened(cases, tmp_path):
    shipped = {path.name: path.read_bytes() for path in networks.SHIPPED.iterdir()}
    said = []
    table = training.learn([cases], tmp_path / "mine", minutes=0.02, step="labels", phantoms=1, progress=said.append)
    assert {path.name: path.read_bytes() for path in networks.SHIPPED.iterdir()} == shipped
    mine = {path.name: path.read_bytes() for path in (tmp_path / "mine").glob("[!.]*")}
    assert set(mine) == {*(f"{step}.{kind}" for step in networks.STEPS for kind in ("pt", "json")), "comparison.md"}
    assert all(mine[f"{step}.pt"] == shipped[f"{step}.pt"] for step in ("peak", "box", "points"))
    learned = mine["labels.pt"] != shipped["labels.pt"]
    assert (": learned" in " ".join(said)) == learned
    card = json.loads(mine["labels.json"])
    assert card["sha256"] == hashlib.sha256(mine["labels.pt"]).hexdigest()
    if learned:
        assert card["training"]["then"]["corrected"] == "1 corrected slices of 1 study"
        assert card["scores"]["corrections"]["left out"]["slices"] == 1
    networks.load_networks(tmp_path / "mine")
    assert "myocardium Dice" in table
    assert "On 1 corrected slices of 1 study that nothing was learned from" in table
    with pytest.raises(PerfusionError, match="not empty"):
        training.learn([cases], tmp_path / "mine", minutes=0.02)


def test_one_study_is_not_enough_to_learn_from_and_to_be_judged_on(results):
    with pytest.raises(PerfusionError, match="One corrected study is not enough"):
        training.learn(results[:1], results[0] / "new", minutes=0.02)


def test_studies_left_out_teach_nothing(found):
    many = [replace(found[0], study=number) for number in range(1, 11) for _ in range(3)]
    kept, left_out = finetune.split(many, seed=4)
    assert not {one.study for one in kept} & {one.study for one in left_out}
    assert len({one.study for one in left_out}) == 2
    assert len(kept) + len(left_out) == 30


@pytest.mark.parametrize("step", networks.STEPS)
def test_a_network_is_kept_only_if_it_does_not_lose(found, step):
    found = [replace(one, parts=frozenset(TRAINED_BY[step])) for one in found]
    measure, more = comparison.JUDGED_BY[step]
    good, bad = (
        [Score(name="", condition="stress", level="mid", **{measure: value}) for _ in found]
        for value in ((0.9, 0.8) if more else (0.8, 0.9))
    )
    lost = [replace(good[0], failure="No left ventricle was found."), good[1]]
    assert comparison.compare(step, found, bad, good).learned
    assert comparison.compare(step, found, good, good).learned
    assert not comparison.compare(step, found, good, bad).learned
    assert not comparison.compare(step, found, good, lost).learned
    assert comparison.compare(step, found, lost, bad).learned
