"""Who is simulated: everything about a patient that rest and stress, base and apex share."""

from dataclasses import dataclass, replace

import numpy as np

from ..data.acquisition import Acquisition
from ..data.study import Condition, Level
from .clinic import Clinic, draw_clinic
from .contrast import Circulation
from .settings import PhantomConfig, Range

GADOBUTROL_RELAXIVITY_L_MMOL_S = {1.5: 5.2, 3.0: 5.0}  # Rohrer et al., Invest Radiol 2005;40:715
T10_BLOOD_S = {1.5: 1.44, 3.0: 1.65}  # Lu et al., MRM 2004;52:679 (3 T)
T10_MYOCARDIUM_S = {1.5: 0.98, 3.0: 1.18}  # Dabir et al., JCMR 2014 and Granitz et al. 2018
# middle of the territory, from the middle of the septum through the anterior, lateral and inferior wall; the segments
# it spans are those of Cerqueira et al., Circulation 2002;105:539
TERRITORY_MIDDLE_RAD = {"LAD": 0.32 * np.pi, "RCA": 1.62 * np.pi, "LCX": 0.97 * np.pi}
HEIGHT = {Level.BASAL: -1.0, Level.MID: 0.0, Level.APICAL: 1.0}


@dataclass(frozen=True, kw_only=True)
class Defect:
    """Too little flow in a part of a coronary territory.

    center_rad : from the middle of the septum through the anterior wall; half_width_rad
    lowest, highest : along the long axis, -1 basal to 1 apical
    depth : share of the wall it takes, from the endocardium
    stress_share, rest_share : flow that is left
    """

    territory: str
    center_rad: float
    half_width_rad: float
    lowest: float
    highest: float
    depth: float
    stress_share: float
    rest_share: float


@dataclass(frozen=True, kw_only=True)
class Patient:
    """Anatomy in mm around the long axis of the left ventricle, physiology and scanner.

    acquisition : what the scanner did; clinic : what else is not ideal, None where all is
    closed_cavity_mm, closed_wall_mm : ranges of a nearly closed cavity and its wall, see `PhantomConfig`
    """

    seed: int
    size: int
    pixel_mm: float
    slice_distance_mm: float
    epicardial_radius_mm: float
    cavity_share: float
    septum_rad: float
    septal_arc_rad: float
    rv_depth_mm: float
    rv_skew: float
    rv_roundness: float
    rv_flatness: float
    tilt_mm: tuple[float, float]
    center_shift_mm: tuple[float, float]
    texture: float
    arms: bool
    black_corners: bool
    defects: tuple[Defect, ...]
    acquisition: Acquisition
    clinic: Clinic | None = None
    closed_cavity_mm: Range | None = None
    closed_wall_mm: Range = (13.0, 18.0)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One condition of a patient: place, times, flow, bolus and breathing style.

    shift_mm : rows and columns that the patient has moved since the slices were planned
    """

    condition: Condition
    shift_mm: tuple[float, float]
    frames: int
    rr_s: float
    mbf_ml_min_g: float
    endo_epi_ratio: float
    lv_peak_frame: float
    circulation: Circulation
    tissue_delay_s: float
    snr: float
    breathing_mm: float
    breathing_period_s: float
    free_breathing: bool


def uniform(rng: np.random.Generator, bounds: Range) -> float:
    """A draw between two bounds, or from one of several ranges, each as likely.

    >>> draws = [uniform(np.random.default_rng(seed), (0, 1, 8, 9)) for seed in range(20)]
    >>> any(draw < 1 for draw in draws), any(draw > 8 for draw in draws), any(1 < draw < 8 for draw in draws)
    (True, True, False)
    """
    pair = 2 * int(rng.integers(len(bounds) // 2)) if len(bounds) > 2 else 0
    return float(rng.uniform(bounds[pair], bounds[pair + 1]))


def draw_acquisition(rng: np.random.Generator, config: PhantomConfig) -> Acquisition:
    """A plausible saturation-recovery FLASH protocol."""
    field_t = float(rng.choice(config.field_strengths_t))
    return Acquisition(
        saturation_time_s=round(uniform(rng, config.saturation_time_s), 3),
        repetition_time_s=round(uniform(rng, config.repetition_time_s), 5),
        echo_time_s=round(uniform(rng, (0.0010, 0.0012)), 5),
        flip_angle_deg=round(uniform(rng, config.flip_angle_deg)),
        pulses_to_center=int(rng.integers(*config.pulses_to_center, endpoint=True)),
        field_strength_t=field_t,
        dose_mmol_kg=round(uniform(rng, config.dose_mmol_kg), 3),
        relaxivity_l_mmol_s=GADOBUTROL_RELAXIVITY_L_MMOL_S[field_t],
        t10_blood_s=T10_BLOOD_S[field_t],
        t10_myocardium_s=T10_MYOCARDIUM_S[field_t],
    )


def draw_defect(rng: np.random.Generator, territory: str, config: PhantomConfig) -> Defect:
    """A defect somewhere in a territory; angles run from mid-septum through anterior, lateral and inferior."""
    fixed = rng.random() < config.fixed_defect_probability
    stress_share = uniform(rng, (0.25, 0.55))
    lowest = float(rng.choice([-1.3, -0.3]))
    return Defect(
        territory=territory,
        center_rad=TERRITORY_MIDDLE_RAD[territory] + uniform(rng, (-0.15, 0.15)),
        half_width_rad=uniform(rng, (0.45, 0.75)),
        lowest=lowest,
        highest=1.3 if lowest > -1 else float(rng.choice([0.3, 1.3])),
        depth=uniform(rng, (0.55, 1.0)),
        stress_share=stress_share,
        rest_share=uniform(rng, (0.55, 0.75)) if fixed else uniform(rng, (0.95, 1.0)),
    )


def draw_patient(seed: int, config: PhantomConfig, size: int | None = None) -> Patient:
    """The patient that belongs to a seed."""
    rng = np.random.default_rng([seed, 0])
    drawn_size = int(rng.choice(config.sizes))
    territories = rng.permutation(list(TERRITORY_MIDDLE_RAD))[: rng.integers(*config.defects, endpoint=True)]
    patient = Patient(
        seed=seed,
        size=size or drawn_size,
        pixel_mm=round(uniform(rng, config.pixel_mm), 3) * (drawn_size / size if size else 1),
        slice_distance_mm=round(uniform(rng, config.slice_distance_mm), 1),
        epicardial_radius_mm=uniform(rng, config.epicardial_radius_mm),
        cavity_share=uniform(rng, config.cavity_share),
        septum_rad=np.pi + np.radians(uniform(rng, config.rotation_deg)),
        septal_arc_rad=np.radians(uniform(rng, config.septal_arc_deg)),
        rv_depth_mm=uniform(rng, config.rv_depth_mm),
        rv_skew=uniform(rng, (-0.45, 0.35)),
        rv_roundness=uniform(rng, (0.5, 0.9)),
        rv_flatness=uniform(rng, (0.2, 1.0)),
        tilt_mm=(uniform(rng, (-4, 4)), uniform(rng, (-4, 4))),
        center_shift_mm=(float(rng.normal(0, 7)), float(rng.normal(0, 7))),
        texture=uniform(rng, (0.12, 0.25)),
        arms=bool(rng.random() < 0.2),
        black_corners=bool(rng.random() < 0.4),
        defects=tuple(draw_defect(rng, str(territory), config) for territory in territories),
        acquisition=draw_acquisition(rng, config),
        closed_cavity_mm=config.closed_cavity_mm,
        closed_wall_mm=config.closed_wall_mm,
    )
    clinic = draw_clinic(seed, patient.acquisition, config)
    return patient if clinic is None else replace(patient, acquisition=clinic.acquisition, clinic=clinic)


def draw_visit(patient: Patient, condition: Condition, config: PhantomConfig) -> Visit:
    """How a patient is on the day of one condition."""
    stress = condition is Condition.STRESS
    rng = np.random.default_rng([patient.seed, 1, int(stress)])
    rr_s = uniform(rng, config.rr_stress_s if stress else config.rr_rest_s)
    lv_peak_frame = uniform(rng, config.lv_peak_frame)
    output_l_min = uniform(rng, config.cardiac_output_rest_l_min) * (
        uniform(rng, config.stress_output) if stress else 1
    )
    width = uniform(rng, config.width_scale) * (0.75 if stress else 1.0)
    moved = np.random.default_rng([patient.seed, 18, int(stress)])
    weight_kg = float(np.random.default_rng([patient.seed, 2]).uniform(config.weight_kg[0], config.weight_kg[1]))
    return Visit(
        condition=condition,
        shift_mm=(float(moved.normal(0, 2.5)), float(moved.normal(0, 1.5))),
        frames=int(rng.integers(*(config.frames_stress if stress else config.frames_rest), endpoint=True)),
        rr_s=rr_s,
        mbf_ml_min_g=uniform(rng, config.stress_mbf_ml_min_g if stress else config.rest_mbf_ml_min_g),
        endo_epi_ratio=float(rng.normal(0.98, 0.06) if stress else rng.normal(1.11, 0.05)),
        lv_peak_frame=lv_peak_frame,
        circulation=Circulation(
            dose_mmol=patient.acquisition.dose_mmol_kg * weight_kg,
            cardiac_output_l_s=output_l_min * weight_kg / 75 / 60,
            start_s=0.0,
            injection_s=uniform(rng, (1.5, 3.0)),
            veins_mean_s=5.5 * width * uniform(rng, (0.8, 1.25)),
            lung_mean_s=7.2 * width,
            body_mean_s=uniform(rng, (16, 22)) * (0.8 if stress else 1),
            store_mean_s=uniform(rng, (70, 110)),
            stored_share=uniform(rng, (0.54, 0.66)),
            spread=uniform(rng, (0.40, 0.48)),
            residual_mmol_l=_residual_mmol_l(patient, condition, rng, config),
        ),
        tissue_delay_s=uniform(rng, (0.3, 0.7)) if stress else uniform(rng, (0.4, 0.9)),
        snr=uniform(rng, config.snr),
        breathing_mm=uniform(rng, config.breathing_mm) * (1.15 if stress else 1),
        breathing_period_s=uniform(rng, (3.4, 5.2)) if stress else uniform(rng, (4.0, 6.5)),
        free_breathing=bool(rng.random() < config.free_breathing_probability),
    )


def _residual_mmol_l(patient: Patient, condition: Condition, rng: np.random.Generator, config: PhantomConfig) -> float:
    drawn = uniform(rng, config.residual_mmol_l) if condition is Condition.STRESS else 0.0
    return drawn if patient.clinic is None else patient.clinic.residual_mmol_l[condition]
