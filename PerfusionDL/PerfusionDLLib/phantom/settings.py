"""What a phantom may be: the ranges that patients, acquisitions and motion are drawn from."""

from dataclasses import dataclass, replace
from enum import StrEnum

Interval = tuple[float, float]
"""Low and high of a uniform draw."""

Range = tuple[float, ...]
"""Low and high of a uniform draw; more pairs where it may come from several such ranges."""


class TissueModel(StrEnum):
    """How the true myocardium retains contrast agent."""

    FERMI = "fermi"
    CAPILLARY = "capillary"
    TWO_COMPARTMENT = "two_compartment"
    MIXED = "mixed"


@dataclass(frozen=True, kw_only=True)
class ClinicRanges:
    """Ranges and probabilities of what the ideal phantom leaves out (`clinic.CLINIC`).

    saturation_left : share of the magnetization that a saturation pulse leaves; b1 : true over nominal flip angle
    dispersion_s : mean of an exponential dispersion from LV to tissue, at rest
    models : how myocardium retains contrast agent, and how often
    pause_min, usual_pause_min, long_pause_probability : between the two injections, from either of two ranges
    rest_first_probability : else rest has the residual contrast
    clearance_log_mean, clearance_log_sd : of residual contrast over that of the published curve; gain_log_sd : of a
    offset : added to all images, share of fully recovered blood
    missing_probability, first_excitation_probability : of a header without InversionTime, or with that to the first
        excitation; pulses_log_sd : of the guess of the excitations before the center of k-space
    ceiling : of clipped images, share of their brightest blood
    """

    saturation_left: Interval = (0.0, 0.03)
    b1: Interval = (0.8, 1.2)
    t10_blood_log_sd: float = 0.06
    t10_myocardium_log_sd: float = 0.05
    relaxivity_log_sd: float = 0.04
    r2_star_l_mmol_s: Interval = (5.0, 25.0)
    hematocrit: Interval = (0.34, 0.48)
    plasma_volume: Interval = (0.02, 0.12)
    interstitial_volume: Interval = (0.14, 0.34)
    permeability_ml_min_g: Interval = (0.5, 2.0)
    permeability_exponent: Interval = (0.2, 0.8)
    fermi_volume: Interval = (0.28, 0.60)
    fermi_shape: Interval = (0.5, 3.0)
    models: tuple[tuple[TissueModel, float], ...] = (
        (TissueModel.FERMI, 0.25),
        (TissueModel.CAPILLARY, 0.35),
        (TissueModel.MIXED, 0.30),
        (TissueModel.TWO_COMPARTMENT, 0.10),
    )
    dispersion_s: Interval = (0.0, 2.0)
    pause_min: Interval = (4.0, 20.0)
    usual_pause_min: Interval = (4.0, 10.0)
    long_pause_probability: float = 0.5
    rest_first_probability: float = 0.85
    clearance_log_mean: float = 0.25
    clearance_log_sd: float = 0.2
    gain_log_sd: float = 0.08
    offset: Interval = (0.0, 0.003)
    missing_probability: float = 0.15
    first_excitation_probability: float = 0.2
    pulses_log_sd: float = 0.25
    dose_missing_probability: float = 0.4
    bits: tuple[int, int] = (8, 16)
    clipped_probability: float = 0.12
    ceiling: Interval = (0.75, 1.0)


@dataclass(frozen=True, kw_only=True)
class PhantomConfig:
    """Ranges of uniform draws, and probabilities; sources in docs/phantom.md.

    epicardial_radius_mm, cavity_share : mid-ventricular; cavity radius over epicardial radius
    rest_mbf_ml_min_g, stress_mbf_ml_min_g : of healthy myocardium
    width_scale : of the transit-time dispersion, 1 at the middle of the in-vivo first-pass widths
    residual_mmol_l : contrast left in the blood from an earlier injection, at stress
    blur_px : standard deviation of the point spread beyond that of the acquired matrix
    noise_unevenness : of the noise that parallel imaging amplifies in the middle of the body
    snr : mean LV blood signal at its peak over the standard deviation of the noise
    breathing_mm : head-foot excursion of the heart, peak to peak
    proton_density_frames : that lead each series
    dual_sequence : measure the arterial input in a basal slice of low resolution and short saturation time
    defects : smallest and largest number of perfusion defects
    stress_output : cardiac output at stress over that at rest
    clinic : what the ideal phantom leaves out; None leaves it out
    closed_cavity_mm, closed_wall_mm : radius of a nearly closed LV cavity and thickness of its wall in mid and apical
        slices at stress; None draws every cavity from cavity_share
    """

    sizes: tuple[int, ...] = (144, 160, 176, 192)
    pixel_mm: Range = (1.9, 2.4)
    field_strengths_t: tuple[float, ...] = (1.5, 3.0)
    slice_distance_mm: Range = (14, 20)
    frames_rest: tuple[int, int] = (50, 70)
    frames_stress: tuple[int, int] = (64, 78)
    rr_rest_s: Range = (0.80, 1.05)
    rr_stress_s: Range = (0.60, 0.80)

    epicardial_radius_mm: Range = (27.5, 36.5)
    cavity_share: Range = (0.46, 0.68)
    rotation_deg: Range = (-30.0, 30.0)
    septal_arc_deg: Range = (100.0, 130.0)
    rv_depth_mm: Range = (13.0, 28.0)

    rest_mbf_ml_min_g: Range = (0.85, 1.30)
    stress_mbf_ml_min_g: Range = (2.1, 3.3)
    defects: tuple[int, int] = (0, 2)
    fixed_defect_probability: float = 0.25

    dose_mmol_kg: Range = (0.045, 0.055)
    weight_kg: Range = (60.0, 95.0)
    cardiac_output_rest_l_min: Range = (4.8, 6.4)
    stress_output: Range = (1.3, 1.5)
    width_scale: Range = (0.8, 1.2)
    residual_mmol_l: Range = (0.30, 0.55)
    lv_peak_frame: Range = (18.0, 29.0)

    saturation_time_s: Range = (0.10, 0.15)
    repetition_time_s: Range = (0.0021, 0.0027)
    flip_angle_deg: Range = (9.0, 13.0)
    pulses_to_center: tuple[int, int] = (18, 28)
    t2_star_relaxivity_l_mmol_s: float = 0.0
    proton_density_frames: int = 0
    dual_sequence: bool = False
    phase_encoding_share: Range = (0.65, 0.85)
    blur_px: Range = (0.1, 0.5)
    noise_unevenness: Range = (0.0, 0.4)
    snr: Range = (38.0, 80.0)
    shading: Range = (0.5, 1.1)

    turned_probability: float = 0.1
    mirrored_probability: float = 0.1
    breathing_mm: Range = (4.0, 12.0)
    free_breathing_probability: float = 0.3
    mistrigger_probability: float = 0.015
    elastic_mm: float = 0.8

    clinic: ClinicRanges | None = None
    closed_cavity_mm: Range | None = None
    closed_wall_mm: Range = (13.0, 18.0)


DEFAULT = PhantomConfig()

HELD_OUT = replace(
    DEFAULT,
    sizes=(128, 208),
    pixel_mm=(1.6, 1.9, 2.4, 2.6),
    frames_rest=(71, 85),
    frames_stress=(50, 63),
    epicardial_radius_mm=(24.5, 27.5, 36.5, 39.0),
    cavity_share=(0.38, 0.46, 0.68, 0.75),
    rotation_deg=(-55.0, -30.0, 30.0, 55.0),
    septal_arc_deg=(85.0, 100.0, 130.0, 145.0),
    rv_depth_mm=(9.0, 13.0, 28.0, 34.0),
    rest_mbf_ml_min_g=(0.6, 0.85, 1.3, 1.6),
    stress_mbf_ml_min_g=(1.4, 2.1, 3.3, 4.2),
    dose_mmol_kg=(0.03, 0.045, 0.055, 0.075),
    t2_star_relaxivity_l_mmol_s=8.0,
    width_scale=(0.65, 0.8, 1.2, 1.4),
    residual_mmol_l=(0.0, 0.3, 0.55, 0.75),
    lv_peak_frame=(15.0, 18.0, 29.0, 35.0),
    saturation_time_s=(0.08, 0.10, 0.15, 0.18),
    blur_px=(0.5, 0.8),
    noise_unevenness=(0.4, 0.8),
    snr=(20.0, 38.0, 80.0, 120.0),
    shading=(0.2, 0.5, 1.1, 1.6),
    turned_probability=0.5,
    mirrored_probability=0.5,
    breathing_mm=(1.0, 4.0, 12.0, 20.0),
    free_breathing_probability=0.7,
    mistrigger_probability=0.04,
    elastic_mm=1.6,
)
"""For evaluation only: sizes, contrast, noise and motion are outside the default ranges. Never trained on."""

CLOSED_CAVITIES = replace(HELD_OUT, closed_cavity_mm=(5.0, 10.0))
"""For evaluation only: held-out hearts in systole at stress, whose mid and apical lumen is 10 to 20 mm wide and mostly
filled with muscle."""

DIFFICULT = replace(
    HELD_OUT,
    dose_mmol_kg=(0.06, 0.1),
    snr=(12.0, 30.0),
    breathing_mm=(6.0, 20.0),
    mistrigger_probability=0.06,
    clinic=ClinicRanges(bits=(8, 12), clipped_probability=0.4, ceiling=(0.6, 0.95)),
)
"""For evaluation only: held-out hearts with noise, breathing and flat peaks (saturated by dose, clipped in storage) as
in the worst of a clinic's series."""
