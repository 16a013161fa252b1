"""The phantom's door: a seed in, a study or a slice with its truth out."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..data.acquisition import Acquisition
from ..data.box import Box
from ..data.contours import Label
from ..data.study import Condition, Identity, Level, PerfusionSeries, Scan, Study
from .breathing import Beats, draw_amplitudes, draw_beats
from .clinic import Clinic, disperse_input, store_signal
from .contrast import Bolus, circulate, delayed
from .displacement import Displacement
from .exposure import expose
from .flow import DEFECT_SHARE, aha_segments, defect_share, mbf
from .grid import Grid
from .heart import Heart, draw_heart
from .orientation import turn
from .patient import HEIGHT, Patient, Visit, draw_patient, draw_visit
from .picture import draw_picture
from .settings import DEFAULT, PhantomConfig, TissueModel
from .tissue import USUAL, concentration, distribution_volume
from .tissues import myocardial_signals, proton_density_signals, tissue_signals
from .truth import PhantomSlice, PhantomStudy, SliceTruth

LEAD_S = 25.0  # the clock of the bolus begins before the first frame
FLOW_GRID = np.geomspace(0.05, 8, 96)  # mL/min/g; tissue curves in between are interpolated
AIF_SIZE = 64
AIF_LEAD_S = 0.06  # the image of the arterial input comes first in the heartbeat
SLICE_DELAY_S = 0.12  # between the slices of one heartbeat


def simulate_study(
    seed: int,
    *,
    conditions: Sequence[Condition] = (Condition.REST, Condition.STRESS),
    levels: Sequence[Level] = (Level.BASAL, Level.MID, Level.APICAL),
    model: TissueModel | str = TissueModel.FERMI,
    still: bool = False,
    snr: float | None = None,
    size: int | None = None,
    config: PhantomConfig = DEFAULT,
) -> PhantomStudy:
    """A phantom patient, the same for the same arguments; see `simulate_series` for the options."""
    patient = draw_patient(seed, config, size)
    options: dict[str, Any] = {"still": still, "snr": snr, "config": config}
    scans, truth = {}, {}
    for condition in map(Condition, conditions):
        visit = draw_visit(patient, condition, config)
        slices = [simulate_slice(patient, visit, Level(level), model=TissueModel(model), **options) for level in levels]
        series = tuple(drawn.series for drawn in slices)
        if patient.clinic is not None:
            series = store_signal(series, patient.clinic, condition)
        truth[condition] = tuple(drawn.truth for drawn in slices)
        scans[condition.value] = Scan(
            condition=condition,
            slices=series,
            aif_series=simulate_arterial_input(patient, visit, **options) if config.dual_sequence else None,
        )
    identity = Identity(patient_name=f"Phantom^Seed {seed}", patient_id=f"PHANTOM{seed:06d}")
    return PhantomStudy(study=Study(**scans, identity=identity), truth=truth)


def simulate_series(
    seed: int,
    *,
    condition: Condition | str = Condition.STRESS,
    level: Level | str = Level.MID,
    model: TissueModel | str = TissueModel.FERMI,
    still: bool = False,
    snr: float | None = None,
    size: int | None = None,
    config: PhantomConfig = DEFAULT,
) -> PhantomSlice:
    """One slice of a phantom patient, identical to the slice of `simulate_study` with the same arguments.

    Parameters
    ----------
    model : TissueModel
        How myocardium retains contrast agent; the Fermi model by default, as the chain fits it.
    still : bool
        Nothing moves; everything else stays as it was.
    snr : float
        Mean LV blood signal at its peak over the standard deviation of the noise; `inf` for none. Drawn if not given.
    size : int
        Rows and columns, over the same field of view. Drawn if not given.

    Examples
    --------
    >>> slice_ = simulate_series(1, condition="rest", level="mid", size=96)
    >>> slice_.series.signal.shape == (len(slice_.series.times_s), 96, 96)
    True
    """
    patient = draw_patient(seed, config, size)
    visit = draw_visit(patient, Condition(condition), config)
    one = simulate_slice(patient, visit, Level(level), model=TissueModel(model), still=still, snr=snr, config=config)
    if patient.clinic is None:
        return one
    return replace(one, series=store_signal([one.series], patient.clinic, visit.condition)[0])


def simulate_slice(
    patient: Patient,
    visit: Visit,
    level: Level,
    *,
    model: TissueModel,
    still: bool,
    snr: float | None,
    config: PhantomConfig,
    stream: int = 0,
) -> PhantomSlice:
    """One slice of a patient who was already drawn; stream : of the random numbers of its noise."""
    acquisition = patient.acquisition
    beats = draw_beats(patient, visit, config)
    times_s = beats.times_s + SLICE_DELAY_S * list(HEIGHT).index(level)
    bolus = place_bolus_in_time(visit, beats)
    heart, grid = draw_heart(patient, level, visit.condition is Condition.STRESS), Grid(patient, visit, level)
    picture = draw_picture(patient, visit, heart, level, FLOW_GRID)
    clinic = patient.clinic
    r2_star = config.t2_star_relaxivity_l_mmol_s if clinic is None else acquisition.r2_star_blood_l_mmol_s
    left = 0.0 if clinic is None else clinic.saturation_left
    signals = tissue_signals(bolus, visit, acquisition, times_s, r2_star, left)
    myocardium = wall_signals(bolus, visit, acquisition, times_s, model, clinic)

    peak_frame = int(np.argmax(picture.cavity_signal(signals)))
    amplitudes = draw_amplitudes(patient, visit, level, beats, times_s[peak_frame], config)
    displacement = Displacement.between(heart, grid, amplitudes * (not still), peak_frame)
    look = partial(
        expose,
        patient,
        visit,
        picture,
        displacement,
        sigma=signals["lv blood"][peak_frame] / (snr or visit.snr),
        config=config,
    )
    lead = config.proton_density_frames
    series = PerfusionSeries(
        signal=look(frames=np.arange(visit.frames), signals=signals, myocardium=myocardium, stream=stream),
        times_s=times_s,
        ijk_to_ras=grid.ijk_to_ras,
        acquisition=acquisition,
        level=level,
        proton_density=look(
            frames=np.zeros(lead, int),
            signals=proton_density_signals(signals, acquisition, lead),
            myocardium=np.full((lead, len(FLOW_GRID)), proton_density_signals(["wall"], acquisition, 1)["wall"][0]),
            stream=stream + 2,
        )
        if lead
        else None,
    )
    displacement_mm = displacement.truth(patient.size) * np.float32(patient.pixel_mm) * picture.moving_pixels
    truth = find_known(patient, visit, heart, grid, bolus, beats, peak_frame, displacement_mm)
    rng = np.random.default_rng([patient.seed, 17])
    turned, mirrored = rng.random() < config.turned_probability, rng.random() < config.mirrored_probability
    return turn(
        PhantomSlice(series=series, truth=truth),
        transposed=turned,
        rows_reversed=turned and rng.random() < 0.5,
        columns_reversed=mirrored,
    )


def simulate_arterial_input(
    patient: Patient, visit: Visit, *, still: bool, snr: float | None, config: PhantomConfig
) -> PerfusionSeries:
    """The same heartbeats in a basal slice of low resolution, so soon after saturation that the peak is not clipped."""
    short = replace(patient.acquisition, saturation_time_s=0.016, repetition_time_s=0.0015, pulses_to_center=6)
    small = replace(patient, acquisition=short, size=AIF_SIZE, pixel_mm=patient.pixel_mm * patient.size / AIF_SIZE)
    options: dict[str, Any] = {"still": still, "snr": snr, "config": replace(config, proton_density_frames=0)}
    drawn = simulate_slice(small, visit, Level.BASAL, model=TissueModel.FERMI, stream=1, **options).series
    return replace(drawn, times_s=drawn.times_s - AIF_LEAD_S)


def wall_signals(
    bolus: Bolus,
    visit: Visit,
    acquisition: Acquisition,
    times_s: np.ndarray,
    model: TissueModel,
    clinic: Clinic | None = None,
) -> np.ndarray:
    """(T, L) signal of myocardium with the flows of the grid; tissue and model are the clinic's where there is one."""
    arriving = delayed(bolus.left_mmol_l, visit.tissue_delay_s)
    properties, left = USUAL, 0.0
    if clinic is not None:
        arriving = disperse_input(arriving, clinic.dispersion_s[visit.condition])
        model, properties, left = clinic.model, clinic.tissue, clinic.saturation_left
    tissue = concentration(arriving, FLOW_GRID, model=model, hematocrit=acquisition.hematocrit, tissue=properties)
    at_frames = np.stack([np.interp(times_s, bolus.times_s, curve) for curve in tissue.T], axis=1)
    left_over = bolus.residual_mmol_l * distribution_volume(model, acquisition.hematocrit, properties)
    return myocardial_signals(at_frames + left_over, acquisition, left)


def find_known(
    patient: Patient,
    visit: Visit,
    heart: Heart,
    grid: Grid,
    bolus: Bolus,
    beats: Beats,
    peak_frame: int,
    displacement_mm: np.ndarray,
) -> SliceTruth:
    """The truth of a slice."""
    y, x = grid.yx_mm
    labels = heart.labels(y, x)
    segments = aha_segments(heart, grid.level, labels, y, x)
    flow = mbf(patient, visit, heart, grid.level, y, x)
    left = defect_share(patient, visit, heart, grid.level, y, x)
    numbers = [int(number) for number in np.unique(segments[segments > 0])]
    return SliceTruth(
        condition=visit.condition,
        level=grid.level,
        peak_frame=peak_frame,
        box_px=epicardial_box(labels),
        labels=labels,
        anterior_rv_px=grid.pixels(heart.insertion_mm(1)),
        inferior_rv_px=grid.pixels(heart.insertion_mm(-1)),
        displacement_mm=displacement_mm,
        mbf_ml_min_g=np.where(labels == Label.MYOCARDIUM, flow, np.nan).astype(np.float32),
        segments=segments,
        segment_mbf_ml_min_g={number: float(flow[segments == number].mean()) for number in numbers},
        arterial_times_s=bolus.times_s,
        arterial_mmol_l=bolus.left_mmol_l,
        residual_mmol_l=bolus.residual_mmol_l,
        tissue_delay_s=visit.tissue_delay_s,
        defect_segments=tuple(number for number in numbers if left[segments == number].mean() < DEFECT_SHARE),
        mistriggered=beats.mistriggered,
    )


def epicardial_box(labels: np.ndarray) -> Box:
    """Edges around myocardium and LV cavity."""
    ventricle = (labels == Label.MYOCARDIUM) | (labels == Label.BLOOD_POOL)
    rows, columns = np.flatnonzero(ventricle.any(axis=1)), np.flatnonzero(ventricle.any(axis=0))
    return Box(rows[0] - 0.5, columns[0] - 0.5, rows[-1] + 0.5, columns[-1] + 0.5)


def place_bolus_in_time(visit: Visit, beats: Beats) -> Bolus:
    """The bolus on the clock of the series, its LV peak at the frame of the visit."""
    untimed = circulate(visit.circulation, beats.times_s[-1] + LEAD_S + 5)
    peak_s = untimed.times_s[np.argmax(untimed.left_mmol_l)]
    wanted_s = np.interp(visit.lv_peak_frame, np.arange(visit.frames), beats.times_s) + LEAD_S
    return Bolus(
        times_s=untimed.times_s - LEAD_S,
        right_mmol_l=delayed(untimed.right_mmol_l, wanted_s - peak_s),
        left_mmol_l=delayed(untimed.left_mmol_l, wanted_s - peak_s),
        residual_mmol_l=untimed.residual_mmol_l,
    )
