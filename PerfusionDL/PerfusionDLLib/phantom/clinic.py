"""The clinic: what the ideal phantom leaves out of scanner, header, tissue, bolus and stored images.

Every range is a choice that its source makes plausible; docs/phantom.md has the table. Draws come from streams of
their own, so that the ideal phantom of a seed stays what it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..data.acquisition import Acquisition
from ..data.study import Condition, PerfusionSeries
from .contrast import STEP_S, convolve
from .settings import DEFAULT, ClinicRanges, PhantomConfig, TissueModel
from .tissue import TissueProperties

CLINIC = replace(
    DEFAULT,
    rest_mbf_ml_min_g=(0.6, 1.5),
    stress_mbf_ml_min_g=(1.2, 3.6),
    dose_mmol_kg=(0.05, 0.06, 0.05, 0.06, 0.07, 0.1),
    width_scale=(0.65, 1.1),
    cardiac_output_rest_l_min=(3.0, 8.0),
    stress_output=(1.15, 1.6),
    cavity_share=(0.42, 0.68),
    saturation_time_s=(0.08, 0.16),
    pulses_to_center=(10, 28),
    snr=(25.0, 80.0),
    clinic=ClinicRanges(),
)
"""Patients as a clinic sends them: one bolus, one sequence, headers that know half of it."""

PLASMA_TERMS = ((3.99, 0.144), (4.78, 0.0111))  # kg/L and 1/min after 1 mmol/kg: Weinmann et al. 1984
LITERATURE_HEMATOCRIT = 0.42


@dataclass(frozen=True, kw_only=True)
class Clinic:
    """What is drawn for a patient of the clinic.

    acquisition : as the scanner really played it; header : as the reader of its header understands it
    saturation_left : share of the magnetization that the saturation pulse leaves
    dispersion_s : mean of the exponential dispersion from LV to tissue, by condition
    residual_mmol_l, gain : by condition; offset : added to every image, share of fully recovered blood
    bits : of the stored images; ceiling : share of the brightest blood above which they are clipped, or infinity
    """

    acquisition: Acquisition
    header: Acquisition
    saturation_left: float
    model: TissueModel
    tissue: TissueProperties
    dispersion_s: dict[Condition, float]
    residual_mmol_l: dict[Condition, float]
    gain: dict[Condition, float]
    offset: float
    bits: int
    ceiling: float


def draw_clinic(seed: int, protocol: Acquisition, config: PhantomConfig) -> Clinic | None:
    """The clinic of a seed, None for a phantom that is ideal; ``protocol`` is what was set at the scanner."""
    ranges = config.clinic
    if ranges is None:
        return None
    rng = np.random.default_rng([seed, 20])
    hematocrit = float(rng.uniform(*ranges.hematocrit))
    true = replace(
        protocol,
        flip_angle_deg=protocol.flip_angle_deg * float(rng.uniform(*ranges.b1)),
        t10_blood_s=protocol.t10_blood_s * float(np.exp(rng.normal(0, ranges.t10_blood_log_sd))),
        t10_myocardium_s=protocol.t10_myocardium_s * float(np.exp(rng.normal(0.02, ranges.t10_myocardium_log_sd))),
        relaxivity_l_mmol_s=protocol.relaxivity_l_mmol_s * float(np.exp(rng.normal(0, ranges.relaxivity_log_sd))),
        r2_star_blood_l_mmol_s=float(rng.uniform(*ranges.r2_star_l_mmol_s)),
        hematocrit=hematocrit,
    )
    tissue = TissueProperties(
        plasma_volume=float(rng.uniform(*ranges.plasma_volume)),
        interstitial_volume=float(rng.uniform(*ranges.interstitial_volume)),
        permeability_ml_min_g=float(np.exp(rng.uniform(*np.log(ranges.permeability_ml_min_g)))),
        permeability_exponent=float(rng.uniform(*ranges.permeability_exponent)),
        mixing=float(rng.uniform(0, 1)),
        fermi_volume=float(rng.uniform(*ranges.fermi_volume)),
        fermi_shape=float(rng.uniform(*ranges.fermi_shape)),
    )
    models = list(ranges.models)
    dispersion_s = float(rng.uniform(*ranges.dispersion_s))
    second = Condition.STRESS if rng.random() < ranges.rest_first_probability else Condition.REST
    pause = ranges.pause_min if rng.random() < ranges.long_pause_probability else ranges.usual_pause_min
    pause_min = float(rng.uniform(*pause))
    left = plasma_after(protocol.dose_mmol_kg, pause_min) * (1 - hematocrit)
    left *= float(np.exp(rng.normal(ranges.clearance_log_mean, ranges.clearance_log_sd)))
    gains = np.exp(rng.normal(0, ranges.gain_log_sd, 2))
    return Clinic(
        acquisition=true,
        header=misread_acquisition(protocol, rng, ranges),
        saturation_left=float(rng.uniform(*ranges.saturation_left)),
        model=models[int(rng.choice(len(models), p=[share for _, share in models]))][0],
        tissue=tissue,
        dispersion_s={Condition.REST: dispersion_s, Condition.STRESS: dispersion_s * float(rng.uniform(0.5, 0.9))},
        residual_mmol_l={each: left if each is second else 0.0 for each in Condition},
        gain=dict(zip(Condition, gains, strict=True)),
        offset=float(rng.uniform(*ranges.offset)),
        bits=int(rng.integers(*ranges.bits, endpoint=True)),
        ceiling=float(rng.uniform(*ranges.ceiling)) if rng.random() < ranges.clipped_probability else np.inf,
    )


def plasma_after(dose_mmol_kg: float, pause_min: float) -> float:
    """Concentration in plasma some minutes after an injection, mmol/L.

    Weinmann HJ et al., Physiol Chem Phys Med NMR 1984;16:167, as used by Tofts and Kermode, Magn Reson Med 1991;17:357.

    >>> round(plasma_after(0.05, 10.0), 2)
    0.26
    """
    return dose_mmol_kg * sum(height * float(np.exp(-rate * pause_min)) for height, rate in PLASMA_TERMS)


def misread_acquisition(protocol: Acquisition, rng: np.random.Generator, ranges: ClinicRanges) -> Acquisition:
    """The acquisition that a reader makes of the header of a protocol: literature values where it has none.

    InversionTime is to the center of k-space, to the first excitation, or missing; the excitations before the center
    are guessed from the matrix, since the acceleration is often missing; the dose is missing in some.
    """
    train_s = protocol.pulses_to_center * protocol.repetition_time_s
    pulses = max(1, round(protocol.pulses_to_center * float(np.exp(rng.normal(0.1, ranges.pulses_log_sd)))))
    kind = rng.random()
    assumed = ["pulses_to_center", "t10_blood_s", "t10_myocardium_s", "relaxivity_l_mmol_s", "hematocrit"]
    assumed.append("r2_star_blood_l_mmol_s")
    ts_s = protocol.saturation_time_s
    if kind < ranges.missing_probability:
        ts_s = Acquisition().saturation_time_s
        assumed.append("saturation_time_s")
    elif kind < ranges.missing_probability + ranges.first_excitation_probability:
        delay_s, to_center_s = max(ts_s - train_s, 0.002), pulses * protocol.repetition_time_s
        ts_s = delay_s if delay_s >= to_center_s else delay_s + to_center_s
    dose = protocol.dose_mmol_kg
    if rng.random() < ranges.dose_missing_probability:
        dose = Acquisition().dose_mmol_kg
        assumed.append("dose_mmol_kg")
    return replace(
        protocol,
        saturation_time_s=round(ts_s, 4),
        pulses_to_center=min(pulses, int((ts_s - 0.002) / protocol.repetition_time_s)),
        dose_mmol_kg=dose,
        hematocrit=LITERATURE_HEMATOCRIT,
        assumed=tuple(assumed),
    )


def disperse_input(curve: np.ndarray, mean_s: float) -> np.ndarray:
    """The curve (N,), on the grid of the bolus, after well-mixed vessels with a mean transit time.

    >>> later = disperse_input(np.exp(-((np.arange(600) * STEP_S - 20) / 3.0) ** 2), 2.0)
    >>> bool(0.7 < later.max() < 0.9), bool(21 < np.argmax(later) * STEP_S < 22.5)
    (True, True)
    """
    if mean_s < STEP_S:
        return curve
    kernel = np.exp(-np.arange(len(curve)) * STEP_S / mean_s)
    return convolve(curve, kernel / ((kernel.sum() - 0.5) * STEP_S), STEP_S)


def store_signal(
    slices: Sequence[PerfusionSeries], clinic: Clinic, condition: Condition
) -> tuple[PerfusionSeries, ...]:
    """The series of a scan as they are stored: header, gain of the scan, clipped peaks, rounded to the bits."""
    scaled = [one.signal * np.float32(clinic.gain[condition]) for one in slices]
    top = max(float(image.max()) for image in scaled)
    step = top / (2**clinic.bits - 1)
    ceiling = min(clinic.ceiling * max(float(np.percentile(image.max(axis=0), 99)) for image in scaled), top)
    return tuple(
        replace(
            one,
            signal=(np.round(np.minimum(image, ceiling) / step) * step).astype(np.float32),
            acquisition=clinic.header,
        )
        for one, image in zip(slices, scaled, strict=True)
    )
