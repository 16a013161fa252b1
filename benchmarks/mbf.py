"""Flow models and other people's programs on the same curves with known flow, as a Markdown table.

Truth is the phantom's own forward model (Fermi residue, capillary, two-compartment exchange), rest and stress, at
several noise levels; the arterial input is known exactly. Run by ``make bench-mbf``.
"""

import argparse
import time
import warnings

import numpy as np
from PerfusionDLLib import kinetics
from PerfusionDLLib.agreement import icc_agreement
from PerfusionDLLib.maps import FlowModel
from PerfusionDLLib.phantom.tissue import TissueModel, concentration
from scipy.optimize import curve_fit

STEP_S = 0.05
FINE_S = np.arange(0, 64, STEP_S)
TIMES_S = np.arange(60) * 0.9
HEMATOCRIT = 0.42
PIXELS = 442
SEGMENTS = 16
FLOWS = np.geomspace(0.15, 7, 80)
SLOW_PIXELS = 32  # of programs that take long per pixel


def arterial(times_s):
    """Whole blood, mmol/L: peak 4, first pass 3.5 s wide, recirculation."""
    since = np.maximum(np.asarray(times_s) - 8, 0)
    first = (since / 3) ** 3 * np.exp(3 * (1 - since / 3))
    later = np.maximum(since - 8, 0)
    return 4 * first + 0.45 * (later / 16) ** 2 * np.exp(2 * (1 - later / 16))


def heart(truth, mbf, snr, seed):
    """True flow (N,), noisy curves (T, N) and segments (N,) of a ring of pixels with two defects at stress."""
    rng = np.random.default_rng(seed)
    angle = np.arange(PIXELS) / PIXELS * 2 * np.pi
    segments = np.arange(PIXELS) * SEGMENTS // PIXELS
    flow = mbf * (1 + 0.12 * np.cos(angle) + 0.06 * np.cos(2 * angle + 1)) * rng.uniform(0.9, 1.1, PIXELS)
    if mbf > 1.5:
        flow[np.isin(segments, (3, 4))] *= 0.45
        flow[segments == 9] *= 0.65
    fine = concentration(arterial(FINE_S), FLOWS, model=truth, hematocrit=HEMATOCRIT, step_s=STEP_S)
    delay_s = 1 + 0.2 * np.cos(angle)
    position = np.interp(np.log(flow), np.log(FLOWS), np.arange(FLOWS.size))
    below = np.minimum(position.astype(int), FLOWS.size - 2)
    share = position - below
    clean = np.stack(
        [
            np.interp(TIMES_S - d, FINE_S, (1 - s) * fine[:, b] + s * fine[:, b + 1], left=0)
            for d, s, b in zip(delay_s, share, below, strict=True)
        ],
        axis=1,
    )
    return flow, clean + rng.normal(0, clean.max(axis=0).mean() / snr, clean.shape), segments


def ours(model):
    def fit(curves, segments):
        part = kinetics.CurveSet(
            times_s=TIMES_S, curves=curves, groups=segments, used_frames=np.ones(TIMES_S.size, bool)
        )
        fitter = kinetics.prepare_fitter(model, [part], TIMES_S, arterial(TIMES_S), hematocrit=HEMATOCRIT)
        found = fitter.fit(0, part)
        return found.mbf_ml_min_g, found.mbf_low_ml_min_g, found.mbf_high_ml_min_g

    return fit


def scipy_fermi(curves, segments):
    """The script of many laboratories: one curve_fit per pixel, Fermi residue with delay, inputs on a 0.25 s grid."""
    grid_s = np.arange(0, TIMES_S[-1] + 0.25, 0.25)
    blood = np.interp(grid_s, TIMES_S, arterial(TIMES_S))

    def model(times_s, flow, decay, shoulder_s, delay_s):
        response = flow / (1 + np.exp(np.minimum((grid_s - shoulder_s) * decay, 50)))
        return np.interp(times_s - delay_s, grid_s, np.convolve(blood, response)[: grid_s.size] * 0.25, left=0)

    found = []
    for curve in curves.T:
        try:
            (flow, decay, shoulder_s, _), _ = curve_fit(
                model, TIMES_S, curve, p0=(0.03, 0.1, 2, 1), bounds=([0, 0.001, 0, 0], [0.5, 2, 20, 4])
            )
            found.append(flow / (1 + np.exp(-decay * shoulder_s)) * 60 / 1.05)
        except RuntimeError:
            found.append(np.nan)
    return np.array(found), None, None


def dcmri_two_compartment(curves, segments):
    """dcmri's two-compartment exchange tissue within physiological bounds; without them its fits diverge here."""
    import dcmri

    blood = arterial(TIMES_S)

    def model(times_s, flow, exchange, plasma, interstitium, delay_s):
        late = np.interp(times_s - delay_s, TIMES_S, blood, left=0)
        return dcmri.conc_tissue(
            late, t=times_s, kinetics="2CX", H=HEMATOCRIT, Fb=flow, PS=exchange, vb=plasma, vi=interstitium
        )

    found = []
    for curve in curves.T:
        try:
            best, _ = curve_fit(
                model,
                TIMES_S,
                curve,
                p0=(0.02, 0.003, 0.1, 0.3, 1),
                bounds=([0, 0, 0.02, 0.05, 0], [0.12, 0.1, 0.2, 0.5, 4]),
            )
            found.append(best[0] * 60 / 1.05)
        except RuntimeError:
            found.append(np.nan)
    return np.array(found), None, None


METHODS = {
    "averaged (default)": (ours(FlowModel.AVERAGED), None),
    "fermi": (ours(FlowModel.FERMI), None),
    "capillary": (ours(FlowModel.CAPILLARY), None),
    "two_compartment": (ours(FlowModel.TWO_COMPARTMENT), None),
    "spline": (ours(FlowModel.SPLINE), None),
    "patlak": (ours(FlowModel.PATLAK), None),
    "scipy curve_fit, Fermi": (scipy_fermi, SLOW_PIXELS),
    "dcmri 2CX, curve_fit": (dcmri_two_compartment, SLOW_PIXELS),
}


COLUMNS = (
    "truth",
    "condition",
    "SNR",
    "method",
    "bias %",
    "RMSE mL/min/g",
    "ICC(A,1)",
    "95 % interval covers",
    "failed %",
    "CPU s per 2000 pixels",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snr", type=float, nargs="+", default=[8, 20, 40])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for truth in TissueModel:
        for name in options.methods:
            fit, pixels = METHODS[name]
            for snr in options.snr:
                pooled = []
                for condition, mbf in (("rest", 1.0), ("stress", 2.8)):
                    flow, curves, segments = heart(truth, mbf, snr, options.seed)
                    chosen = np.arange(PIXELS) if pixels is None else np.linspace(0, PIXELS - 1, pixels).astype(int)
                    start = time.process_time()
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        found, low, high = fit(curves[:, chosen], segments[chosen])
                    seconds = (time.process_time() - start) / chosen.size * 2000
                    pooled.append((flow[chosen], found))
                    print(row(truth, condition, snr, name, flow[chosen], found, low, high, seconds))
                both = [np.concatenate(values) for values in zip(*pooled, strict=True)]
                print(row(truth, "both", snr, name, *both, None, None, None))


def row(truth, condition, snr, name, flow, found, low, high, seconds):
    good = np.isfinite(found)
    bias = 100 * np.mean(found[good] / flow[good] - 1)
    rmse = np.sqrt(np.mean((found[good] - flow[good]) ** 2))
    icc = icc_agreement(np.column_stack((flow[good], found[good])), interval=False).value
    covered = "" if low is None else f"{np.mean((low[good] < flow[good]) & (flow[good] < high[good])):.2f}"
    cost = "" if seconds is None else f"{seconds:.2f}"
    return (
        f"| {truth} | {condition} | {snr:g} | {name} | {bias:+.1f} | {rmse:.2f} | {icc:.3f} | {covered} "
        f"| {100 * np.mean(~good):.1f} | {cost} |"
    )


if __name__ == "__main__":
    main()
