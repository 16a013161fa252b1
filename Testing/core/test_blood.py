"""The arterial input from the series that a study has for it: dual sequence and dual bolus."""

from dataclasses import replace

import numpy as np
import pytest
from PerfusionDLLib import pipeline
from PerfusionDLLib.aif import landmarks, measurement
from PerfusionDLLib.aif.region import slice_arterial_input
from PerfusionDLLib.aif.residual_contrast import NO_RESIDUAL
from PerfusionDLLib.data.contours import Contours
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.flag import FlagCode, codes_of
from PerfusionDLLib.data.preprocessed import MotionCompensation, PreprocessedScan, PreprocessedSlice
from PerfusionDLLib.data.study import Condition, Level, PerfusionSeries
from PerfusionDLLib.phantom import DEFAULT, simulate_study

RATIO = 10.0
PREBOLUS_EARLIER_S = 7.3


def simulate(**changes):
    config = replace(DEFAULT, dual_sequence=True, turned_probability=0.0, mirrored_probability=0.0, **changes)
    return simulate_study(
        41, conditions=[Condition.REST], levels=[Level.BASAL], still=True, snr=200, size=96, config=config
    )


def preprocessed(patient):
    """The basal slice with its true contours."""
    (truth,) = patient.truth[Condition.REST]
    (series,) = patient.study.rest.slices
    points = [series.ras_from_pixels(point) for point in (truth.anterior_rv_px, truth.inferior_rv_px)]
    contours = Contours(
        peak_frame=truth.peak_frame,
        reference_frame=truth.peak_frame,
        box_px=truth.box_px,
        labels=truth.labels,
        anterior_rv_ras_mm=points[0],
        inferior_rv_ras_mm=points[1],
    )
    still = MotionCompensation(
        corrected=series.signal,
        displacement_mm=np.zeros((len(series.signal), 2, *truth.labels.shape), np.float32),
        reference_frame=truth.peak_frame,
        quality=np.ones(len(series.signal)),
        aligned=np.ones(len(series.signal), bool),
    )
    part = PreprocessedSlice(series=series, motion=still, contours=contours)
    return PreprocessedScan(condition=Condition.REST, slices=(part,), aif_series=patient.study.rest.aif_series)


@pytest.fixture(scope="module")
def patient():
    return simulate()


@pytest.fixture(scope="module")
def scan(patient):
    return preprocessed(patient)


@pytest.fixture(scope="module")
def strong():
    """Such a bolus that its peak is saturated in the slices."""
    return simulate(dose_mmol_kg=(0.15, 0.15), saturation_time_s=(0.15, 0.15))


def error(found, truth):
    """Largest difference from the true curve, as a share of its peak."""
    true = np.interp(found.times_s, truth.arterial_times_s, truth.arterial_mmol_l)
    return np.abs(found.concentration_mmol_l - true).max() / true.max()


def test_the_series_made_for_the_arterial_input_is_taken_and_right_at_the_peak(patient, scan):
    found = pipeline.measure_arterial_input(scan)
    assert found.source.startswith("arterial input series")
    assert error(found, patient.truth[Condition.REST][0]) < 0.08


def test_where_that_series_shows_no_heart_the_slices_are_used_and_it_is_said(scan):
    elsewhere = scan.aif_series.ijk_to_ras.copy()
    elsewhere[:3, 3] += 500
    lost = replace(scan, aif_series=replace(scan.aif_series, ijk_to_ras=elsewhere))
    found = pipeline.measure_arterial_input(lost)
    assert found.source == "blood pool, basal"
    assert FlagCode.AIF_SERIES_UNUSABLE in codes_of(found.flags)


def saturated_frames(found):
    return np.isnan(found.concentration_mmol_l).sum()


def test_the_series_made_for_the_arterial_input_is_found_where_the_slices_are_saturated(strong):
    scan = preprocessed(strong)
    assert saturated_frames(pipeline.measure_arterial_input(scan, aif_slice=0)) > 0
    found = pipeline.measure_arterial_input(scan)
    assert found.source.startswith("arterial input series")
    assert saturated_frames(found) == 0
    assert error(found, strong.truth[Condition.REST][0]) < 0.08


def test_a_prebolus_is_aligned_with_the_unsaturated_rise_alone(strong):
    scan, (truth,) = preprocessed(strong), strong.truth[Condition.REST]
    assert saturated_frames(pipeline.measure_arterial_input(scan, aif_slice=0)) > 0
    dual = replace(scan, aif_series=prebolus(scan, truth), aif_is_prebolus=True)
    found = pipeline.measure_arterial_input(dual, dose_ratio=RATIO)
    assert found.times_s[0] == pytest.approx(PREBOLUS_EARLIER_S, abs=0.25)


def prebolus(scan, truth):
    """The same slice a minute before, with a tenth of the dose: the plain signal equation, written out."""
    acquisition = scan.slices[0].series.acquisition
    times_s = np.arange(0, 55, 0.9)
    measurement = np.interp(times_s + PREBOLUS_EARLIER_S, truth.arterial_times_s, truth.arterial_mmol_l) / RATIO

    def signal(concentration_mmol_l, t10_s):
        r1 = 1 / t10_s + acquisition.relaxivity_l_mmol_s * concentration_mmol_l
        tr, n = acquisition.repetition_time_s, acquisition.pulses_to_center
        kept = np.cos(np.radians(acquisition.flip_angle_deg)) * np.exp(-tr * r1)
        free = 1 - np.exp(-(acquisition.saturation_time_s - n * tr) * r1)
        return free * kept**n + (1 - np.exp(-tr * r1)) * (1 - kept**n) / (1 - kept)

    images = np.full((times_s.size, *truth.labels.shape), 300.0)
    images[:, truth.labels == 2] = 2000 * signal(measurement, acquisition.t10_blood_s)[:, None]
    images += np.random.default_rng(5).normal(0, 1.0, images.shape)
    return PerfusionSeries(
        signal=images.astype(np.float32),
        times_s=times_s,
        ijk_to_ras=scan.slices[0].series.ijk_to_ras,
        acquisition=acquisition,
    )


def test_a_slice_that_shows_much_less_contrast_agent_than_the_others_gives_no_arterial_input(scan):
    """As where motion compensation lays the frames before the bolus beside the heart: the baseline is too bright."""
    (whole,) = scan.slices
    pool = whole.contours.blood_pool
    before = np.arange(len(whole.series.signal)) < np.argmax(whole.series.signal[:, pool].mean(axis=1)) // 2
    spoiled = whole.motion.corrected.copy()
    spoiled[before] *= 2.5
    basal = replace(whole, motion=replace(whole.motion, corrected=spoiled))
    others = (replace(whole, series=replace(whole.series, level=level)) for level in (Level.MID, Level.APICAL))
    found = pipeline.measure_arterial_input(replace(scan, slices=(basal, *others), aif_series=None))
    assert "mid" in found.source
    assert found.flags[-1].code is FlagCode.AIF_LOWER_THAN_OTHERS
    assert found.flags[-1].values["source"] == "blood pool, basal"
    alone = pipeline.measure_arterial_input(replace(scan, slices=(whole,), aif_series=None))
    np.testing.assert_array_equal(found.concentration_mmol_l, alone.concentration_mmol_l)


def test_a_prebolus_is_scaled_by_the_dose_ratio_and_moved_to_the_main_bolus(patient, scan):
    (truth,) = patient.truth[Condition.REST]
    dual = replace(scan, aif_series=prebolus(scan, truth), aif_is_prebolus=True)
    found = pipeline.measure_arterial_input(dual, dose_ratio=RATIO)
    assert "dose ratio 10, moved by +7." in found.source
    inside = (found.times_s > 0) & (found.times_s < 50)
    true = np.interp(found.times_s, truth.arterial_times_s, truth.arterial_mmol_l)
    assert np.abs(found.concentration_mmol_l - true)[inside].max() < 0.08 * true.max()


def test_a_prebolus_without_its_dose_ratio_is_not_used_and_the_user_is_told(patient, scan):
    (truth,) = patient.truth[Condition.REST]
    dual = replace(scan, aif_series=prebolus(scan, truth), aif_is_prebolus=True)
    found = pipeline.measure_arterial_input(dual)
    assert found.source == "blood pool, basal"
    assert found.flags[-1].code is FlagCode.AIF_PREBOLUS_WITHOUT_RATIO


def test_a_blood_pool_drawn_where_no_contrast_arrives_is_refused_in_words(scan):
    """Its signal falls below that of the frames before the bolus: no logarithm of less than nothing, no silent NaN."""
    part = scan.slices[0]
    count = len(part.series.times_s)
    levels = np.full(count, 15.0)
    levels[:12], levels[12:20] = 30.0, 36.0
    falling = levels[:, None, None] * np.ones((1, *part.contours.labels.shape))
    falling = (falling + np.random.default_rng(0).normal(0, 0.3, falling.shape)).astype(np.float32)
    moved = replace(part.motion, corrected=falling)
    wrong = replace(part, motion=moved, series=replace(part.series, signal=falling))
    with pytest.raises(PerfusionError, match="contrast"):
        slice_arterial_input(wrong, 0, NO_RESIDUAL)


def without_first_frames(scan, count):
    """The scan as if it had begun later."""
    (part,) = scan.slices
    series = replace(part.series, signal=part.series.signal[count:], times_s=part.series.times_s[count:])
    motion = replace(
        part.motion,
        corrected=part.motion.corrected[count:],
        displacement_mm=part.motion.displacement_mm[count:],
        quality=part.motion.quality[count:],
        aligned=part.motion.aligned[count:],
    )
    return replace(scan, aif_series=None, slices=(replace(part, series=series, motion=motion),))


@pytest.fixture(scope="module")
def arrival(scan):
    """The first frame whose blood is brighter than a tenth of its rise."""
    (part,) = scan.slices
    curve = part.motion.corrected[:, part.contours.blood_pool].mean(axis=1)
    return landmarks.lead_frame_count(curve)


def peak_beside_whole_scan(scan, count):
    """Peak of the arterial input of a scan that began later over that of the whole scan, and its findings."""
    found, whole = (pipeline.measure_arterial_input(without_first_frames(scan, one)) for one in (count, 0))
    return np.nanmax(found.concentration_mmol_l) / np.nanmax(whole.concentration_mmol_l), codes_of(found.flags)


@pytest.mark.parametrize(("lead", "codes"), [(9, []), (6, []), (5, [FlagCode.AIF_SHORT_BASELINE])])
def test_a_scan_begun_shortly_before_the_contrast_agent_has_the_same_input(lead, codes, scan, arrival):
    """With five frames before the upstroke, contrast agent is in the right ventricle at the first of them."""
    peak, found = peak_beside_whole_scan(scan, arrival - lead)
    assert peak == pytest.approx(1, abs=0.1)
    assert list(found) == codes


@pytest.mark.parametrize("lead", [3, 2, 1])
def test_a_scan_begun_with_contrast_agent_in_the_blood_says_that_flow_is_too_high(lead, scan, arrival):
    """An input that is too low makes flow too high, and nothing left by an earlier injection is read into it."""
    peak, found = peak_beside_whole_scan(scan, arrival - lead)
    assert peak < 1
    assert FlagCode.AIF_BASELINE_LOST in found


def test_a_scan_begun_with_contrast_agent_in_the_blood_shows_none_of_an_earlier_injection(scan, arrival):
    (residual,) = measurement.residual_contrast([without_first_frames(scan, arrival - 1)])
    assert residual.blood_mmol_l == 0


def test_after_a_lost_baseline_the_clock_tells_what_the_injection_before_left(scan, arrival):
    later = replace(without_first_frames(scan, arrival - 1), condition=Condition.STRESS, minutes_after_other=10.0)
    first = replace(without_first_frames(scan, 0), minutes_after_other=-10.0)
    none, left = measurement.residual_contrast([first, later])
    assert none.blood_mmol_l == 0
    assert 0.05 < left.blood_mmol_l < 0.6
    assert "10 minutes between the injections alone" in left.how
