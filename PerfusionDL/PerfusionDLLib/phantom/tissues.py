"""The tissues of the phantom: native T1, proton density, and when the contrast agent gets there."""

from collections.abc import Iterable, Mapping

import numpy as np

from ..data.acquisition import Acquisition
from ..data.study import Condition
from .contrast import Bolus, delayed
from .magnetization import blood_echo, signal
from .patient import Visit
from .settings import TissueModel
from .tissue import concentration, organ

# native T1 in s at 1.5 T and 3 T, proton density relative to water. Fat, marrow, liver, spleen: de Bazelaire et al.,
# Radiology 2004;230:652 at 3 T and a fifth shorter at 1.5 T, as they found on average; muscle: Stanisz et al., MRM
# 2005;54:507; proton density after MRXCAT's defaults, fat at its full density; the rest by analogy
STATIC = {
    "air": (1.0, 1.0, 0.0),
    "gas": (1.0, 1.0, 0.02),
    "fat": (0.316, 0.382, 1.00),
    "marrow": (0.484, 0.586, 0.45),
    "muscle": (1.008, 1.412, 0.75),
    "lung": (1.10, 1.30, 0.20),
    "liver": (0.669, 0.809, 0.90),
    "liver vessel": (1.44, 1.65, 0.95),
    "spleen": (1.098, 1.328, 0.90),
    "stomach wall": (0.90, 1.20, 0.80),
    "stomach content": (0.90, 1.20, 0.70),
}
BLOOD = {"lv blood", "rv blood", "aorta", "lung artery", "lung vein"}
# distribution volume of whole blood, mL/mL, where it is not blood itself
VOLUME = {
    "air": 0.0,
    "gas": 0.0,
    "fat": 0.0,
    "stomach content": 0.0,
    "marrow": 0.10,
    "muscle": 0.15,
    "lung": 0.50,
    "liver": 0.30,
    "spleen": 0.30,
    "stomach wall": 0.25,
    "rv wall": 0.44,
    "papillary": 0.44,
}
BLOOD_DENSITY, MUSCLE_DENSITY = 0.95, 0.80
PROTON_DENSITY_FLIP_DEG = 5.0


def organ_concentrations(bolus: Bolus, visit: Visit, hematocrit: float) -> Mapping[str, np.ndarray]:
    """Concentration (N,) of every tissue but the myocardium, mmol/L, on the grid of the bolus."""
    left, right = bolus.left_mmol_l, bolus.right_mmol_l
    stress = visit.condition is Condition.STRESS
    portal = organ(left, flow_ml_min_ml=1.5, volume=VOLUME["spleen"], delay_s=6) / VOLUME["spleen"]
    nothing = np.zeros_like(left)
    muscle = concentration(left, np.array([visit.mbf_ml_min_g]), model=TissueModel.FERMI, hematocrit=hematocrit)[:, 0]
    return {
        "air": nothing,
        "gas": nothing,
        "fat": nothing,
        "stomach content": nothing,
        "marrow": organ(left, flow_ml_min_ml=0.1, volume=VOLUME["marrow"]),
        "muscle": organ(left, flow_ml_min_ml=0.1, volume=VOLUME["muscle"], delay_s=3),
        "lung": 0.25 * (delayed(right, 1.5) + delayed(right, 3.0)),
        "liver": organ(0.25 * delayed(left, 2) + 0.75 * portal, flow_ml_min_ml=1.0, volume=VOLUME["liver"]),
        "liver vessel": portal,
        # adenosine switches the spleen off: Manisty et al., Radiology 2015;276:400
        "spleen": organ(left, flow_ml_min_ml=0.5 if stress else 1.8, volume=VOLUME["spleen"], delay_s=2),
        "stomach wall": organ(left, flow_ml_min_ml=0.5, volume=VOLUME["stomach wall"], delay_s=3),
        "rv wall": muscle * 0.8,
        "papillary": muscle,
        "lv blood": left,
        "rv blood": right,
        "lung artery": delayed(right, 1.0),
        "lung vein": delayed(left, -1.0),
        "aorta": delayed(left, 0.6),
    }


def native(tissue: str, acquisition: Acquisition) -> tuple[float, float]:
    """Native T1 in s and proton density."""
    if tissue in STATIC:
        low_s, high_s, density = STATIC[tissue]
        return (high_s if acquisition.field_strength_t >= 2 else low_s), density
    if tissue in BLOOD:
        return acquisition.t10_blood_s, BLOOD_DENSITY
    return acquisition.t10_myocardium_s, MUSCLE_DENSITY


def proton_density_signals(tissues: Iterable[str], acquisition: Acquisition, frames: int) -> dict[str, np.ndarray]:
    """Signal (frames,) of tissues without saturation, at a small flip angle: native T1 hardly matters."""
    sine = np.sin(np.radians(PROTON_DENSITY_FLIP_DEG))
    return {tissue: np.full(frames, sine * native(tissue, acquisition)[1]) for tissue in tissues}


def tissue_signals(
    bolus: Bolus,
    visit: Visit,
    acquisition: Acquisition,
    times_s: np.ndarray,
    r2_star_l_mmol_s: float,
    saturation_left: float = 0.0,
) -> dict[str, np.ndarray]:
    """Signal (T,) of every tissue but the LV myocardium at the times of the frames."""
    signals = {}
    for tissue, curve in organ_concentrations(bolus, visit, acquisition.hematocrit).items():
        at_frames = np.interp(times_s, bolus.times_s, curve) + bolus.residual_mmol_l * VOLUME.get(tissue, 1.0)
        t10_s, density = native(tissue, acquisition)
        r1 = 1 / t10_s + acquisition.relaxivity_l_mmol_s * at_frames
        signals[tissue] = density * signal(r1, acquisition, saturation_left)
        if tissue in BLOOD:
            signals[tissue] = signals[tissue] * blood_echo(at_frames, acquisition, r2_star_l_mmol_s)
    return signals


def myocardial_signals(
    concentrations_mmol_l: np.ndarray, acquisition: Acquisition, saturation_left: float = 0.0
) -> np.ndarray:
    """Signal of LV myocardium, any shape."""
    r1 = 1 / acquisition.t10_myocardium_s + acquisition.relaxivity_l_mmol_s * concentrations_mmol_l
    return MUSCLE_DENSITY * signal(r1, acquisition, saturation_left)
