"""The phantom's door: a seed in, a study or a slice with its truth out."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import map_coordinates

from ..contours import Label
from ..series import Condition, Identity, Level, PerfusionSeries, Scan, Study
from .breathing import Beats, draw_amplitudes, draw_beats
from .camera import Camera, noise_pattern, shading, visible
from .contrast import Bolus, circulate, delayed
from .displacement import Displacement
from .flow import DEFECT_SHARE, aha_segments, defect_share, mbf
from .grid import Grid
from .heart import draw_heart
from .orientation import turn
from .patient import HEIGHT, Patient, Visit, draw_patient, draw_visit, uniform
from .picture import Picture, draw_picture
from .settings import DEFAULT, PhantomConfig, TissueModel
from .tissue import concentration, distribution_volume
from .tissues import BLOOD_DENSITY, myocardial_signals, tissue_signals
from .truth import PhantomSlice, PhantomStudy, SliceTruth

LEAD_S = 25.0  # the clock of the bolus begins before the first frame
FLOW_GRID = np.geomspace(0.05, 8, 96)  # mL/min/g; tissue curves in between are interpolated
FULL_SCALE = 2000.0  # fully recovered blood, in the units of the scanner; the same in every series of a patient
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
    slices = {
        Condition(condition): [
            simulate_series(
                seed, condition=condition, level=level, model=model, still=still, snr=snr, size=size, config=config
            )
            for level in levels
        ]
        for condition in conditions
    }
    scans = {
        condition.value: Scan(condition=condition, slices=tuple(drawn.series for drawn in of_condition))
        for condition, of_condition in slices.items()
    }
    identity = Identity(patient_name=f"Phantom^Seed {seed}", patient_id=f"PHANTOM{seed:06d}")
    return PhantomStudy(
        study=Study(**scans, identity=identity),
        truth={condition: tuple(drawn.truth for drawn in of_condition) for condition, of_condition in slices.items()},
    )


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
    condition, level, model = Condition(condition), Level(level), TissueModel(model)
    patient = draw_patient(seed, config, size)
    visit = draw_visit(patient, condition, config)
    beats = draw_beats(patient, visit, config)
    times_s = beats.times_s + SLICE_DELAY_S * list(HEIGHT).index(level)
    bolus = timed_bolus(visit, beats)
    heart, grid = draw_heart(patient, level, condition is Condition.STRESS), Grid(patient, level)
    picture = draw_picture(patient, visit, heart, level, FLOW_GRID)
    signals = tissue_signals(bolus, visit, patient.acquisition, times_s, config)
    arriving = delayed(bolus.left_mmol_l, visit.tissue_delay_s)
    tissue = concentration(arriving, FLOW_GRID, model=model, hematocrit=patient.acquisition.hematocrit)
    at_frames = np.stack([np.interp(times_s, bolus.times_s, curve) for curve in tissue.T], axis=1)
    left_over = bolus.residual_mmol_l * distribution_volume(model, patient.acquisition.hematocrit)
    myocardium = myocardial_signals(at_frames + left_over, patient.acquisition)

    peak_frame = int(np.argmax(picture.cavity_signal(signals)))
    amplitudes = draw_amplitudes(patient, visit, level, beats, times_s[peak_frame], config)
    displacement = Displacement.between(heart, grid, amplitudes * (not still), peak_frame)
    signal = expose(patient, visit, level, picture, signals, myocardium, displacement, peak_frame, snr, config)
    series = PerfusionSeries(
        signal=signal,
        times_s=times_s,
        ijk_to_ras=grid.ijk_to_ras,
        acquisition=patient.acquisition,
        level=level,
    )
    y, x = grid.yx_mm
    labels = heart.labels(y, x)
    segments = aha_segments(heart, level, labels, y, x)
    flow = np.where(labels == Label.MYOCARDIUM, mbf(patient, visit, heart, level, y, x), np.nan).astype(np.float32)
    left = defect_share(patient, visit, heart, level, y, x)
    numbers = [int(number) for number in np.unique(segments[segments > 0])]
    truth = SliceTruth(
        condition=condition,
        level=level,
        peak_frame=peak_frame,
        box_px=epicardial_box(labels),
        labels=labels,
        anterior_rv_px=grid.pixels(heart.insertion_mm(1)),
        inferior_rv_px=grid.pixels(heart.insertion_mm(-1)),
        displacement_mm=displacement.truth(patient.size) * np.float32(patient.pixel_mm) * picture.moving_pixels,
        mbf_ml_min_g=flow,
        segments=segments,
        segment_mbf_ml_min_g={number: float(flow[segments == number].mean()) for number in numbers},
        arterial_times_s=bolus.times_s,
        arterial_mmol_l=bolus.left_mmol_l,
        residual_mmol_l=bolus.residual_mmol_l,
        tissue_delay_s=visit.tissue_delay_s,
        defect_segments=tuple(number for number in numbers if left[segments == number].mean() < DEFECT_SHARE),
        mistriggered=beats.mistriggered,
    )
    rng = np.random.default_rng([patient.seed, 17])
    turned, mirrored = rng.random() < config.turned_probability, rng.random() < config.mirrored_probability
    return turn(
        PhantomSlice(series=series, truth=truth),
        transposed=turned,
        rows_reversed=turned and rng.random() < 0.5,
        columns_reversed=mirrored,
    )


def epicardial_box(labels: np.ndarray) -> tuple[float, float, float, float]:
    """Edges (row0, column0, row1, column1) around myocardium and LV cavity."""
    ventricle = (labels == Label.MYOCARDIUM) | (labels == Label.BLOOD_POOL)
    rows, columns = np.flatnonzero(ventricle.any(axis=1)), np.flatnonzero(ventricle.any(axis=0))
    return rows[0] - 0.5, columns[0] - 0.5, rows[-1] + 0.5, columns[-1] + 0.5


def timed_bolus(visit: Visit, beats: Beats) -> Bolus:
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


def expose(
    patient: Patient,
    visit: Visit,
    level: Level,
    picture: Picture,
    signals: dict[str, np.ndarray],
    myocardium: np.ndarray,
    displacement: Displacement,
    peak_frame: int,
    snr: float | None,
    config: PhantomConfig,
) -> np.ndarray:
    """(T, Y, X) float32 images of every frame."""
    rng = np.random.default_rng([patient.seed, 11, list(HEIGHT).index(level), visit.frames])
    rng_patient = np.random.default_rng([patient.seed, 12])
    scale = FULL_SCALE / (BLOOD_DENSITY * np.sin(np.radians(patient.acquisition.flip_angle_deg)))
    acquired = int(patient.size * uniform(rng_patient, config.phase_encoding_share)) // 2 * 2
    full = patient.size // 2 * 2 - 2
    rows, columns = (acquired, full) if rng_patient.random() < 0.6 else (full, acquired)
    strength = uniform(rng_patient, config.shading)
    blur_px, unevenness = uniform(rng_patient, config.blur_px), uniform(rng_patient, config.noise_unevenness)
    sigma = scale * signals["lv blood"][peak_frame] / (snr or visit.snr)
    camera = Camera(
        size=patient.size,
        oversampling=picture.oversampling,
        rows=rows,
        columns=columns,
        blur_px=blur_px,
        noise=np.float32(sigma) * noise_pattern(patient, unevenness, patient.size),
    )
    sensitivity = shading(patient, strength, *picture.yx_mm) * np.float32(scale)
    mask = visible(patient, patient.size)
    samples = np.arange(patient.size * picture.oversampling) / picture.oversampling
    grid_px = np.stack(np.meshgrid(samples, samples, indexing="ij")).astype(np.float32)
    to_samples = displacement.to(samples)
    images = []
    for frame in range(visit.frames):
        moving = picture.moving(frame, signals, myocardium)
        if displacement.amplitudes[frame].any():
            at = (grid_px + displacement.source(frame, to_samples)) * picture.oversampling
            moving = map_coordinates(moving, at, order=1, mode="nearest")
        drawing = (moving * picture.moving_share + picture.static(frame, signals)) * sensitivity
        images.append(camera.expose(drawing, rng) * mask)
    return np.stack(images).astype(np.float32)
