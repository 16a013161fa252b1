"""Flow models and other people's programs on the same curves with known flow, as a Markdown table.

Truth is the phantom's own forward model (Fermi residue, capillary, two-compartment exchange, mixed spaces in a row),
rest and stress, at several noise levels; the arterial input is known exactly. With ``--varied`` every heart has an
arterial input, frame interval, delay and tissue of its own. Seeds from 72000 on: nothing was tuned on them. Run by
``make bench-mbf``.
"""

import argparse
import time
import warnings
from dataclasses import dataclass

import numpy as np
from PerfusionDLLib import kinetics
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.evaluation.agreement import icc_agreement
from PerfusionDLLib.phantom import TissueModel, tissue
from scipy.optimize import curve_fit

STEP_S = 0.05
FRAMES = 60
HEMATOCRIT = 0.42
PIXELS = 442
SEGMENTS = 16
FLOWS = np.geomspace(0.15, 7, 80)
SLOW_PIXELS = 32  # of programs that take long per pixel


@dataclass(frozen=True)
class Case:
    """Noisy curves of a ring of pixels and everything that made them.

    times_s (T,), arterial_mmol_l (T,), flow (N,) true, curves (T, N), segments (N,)
    """

    times_s: np.ndarray
    arterial_mmol_l: np.ndarray
    flow: np.ndarray
    curves: np.ndarray
    segments: np.ndarray

    def part(self, chosen):
        """Some of the pixels."""
        return Case(
            self.times_s, self.arterial_mmol_l, self.flow[chosen], self.curves[:, chosen], self.segments[chosen]
        )


def heart(truth, condition, snr, seed, *, varied):
    """A ring of pixels whose flow varies around it, with two defects at stress."""
    rng = np.random.default_rng([seed, int(condition == "stress"), int(snr)])
    mbf, interval_s, delay_s = (2.8 if condition == "stress" else 1.0), 0.9, 1.0
    peak, rise_s, start_s, later = 4.0, 3.0, 8.0, 0.45
    properties = tissue.USUAL
    if varied:
        mbf = rng.uniform(1.8, 3.8) if condition == "stress" else rng.uniform(0.6, 1.4)
        interval_s, delay_s = rng.uniform(0.6, 1.0), rng.uniform(0.2, 2.0)
        peak, rise_s, start_s = rng.uniform(2.5, 6.0), rng.uniform(2.3, 4.5), rng.uniform(5.0, 12.0)
        later = peak * rng.uniform(0.08, 0.20)
        surface, exponent = np.exp(rng.normal(0, 0.4)), rng.uniform(0, 1)
        properties = tissue.TissueProperties(
            plasma_volume=rng.uniform(0.03, 0.09),
            interstitial_volume=rng.uniform(0.13, 0.26),
            fermi_volume=rng.uniform(0.25, 0.50),
            fermi_shape=rng.uniform(0.3, 3.0),
            permeability_ml_min_g=surface,
            permeability_exponent=exponent,
            mixing=rng.uniform(0.0, 1.0),
        )
    times_s = np.arange(FRAMES) * interval_s
    fine_s = np.arange(0, times_s[-1] + 10, STEP_S)

    def arterial(at_s):
        since, long_since = np.maximum(at_s - start_s, 0), np.maximum(at_s - start_s - 8, 0)
        first = (since / rise_s) ** 3 * np.exp(3 * (1 - since / rise_s))
        return peak * first + later * (long_since / 16) ** 2 * np.exp(2 * (1 - long_since / 16))

    angle = np.arange(PIXELS) / PIXELS * 2 * np.pi
    segments = np.arange(PIXELS) * SEGMENTS // PIXELS
    flow = mbf * (1 + 0.12 * np.cos(angle) + 0.06 * np.cos(2 * angle + 1)) * rng.uniform(0.9, 1.1, PIXELS)
    if condition == "stress":
        flow[np.isin(segments, (3, 4))] *= 0.45
        flow[segments == 9] *= 0.65
    fine = tissue.concentration(
        arterial(fine_s), FLOWS, model=truth, hematocrit=HEMATOCRIT, step_s=STEP_S, tissue=properties
    )
    position = np.interp(np.log(flow), np.log(FLOWS), np.arange(FLOWS.size))
    below = np.minimum(position.astype(int), FLOWS.size - 2)
    share = position - below
    clean = np.stack(
        [
            np.interp(times_s - d, fine_s, (1 - s) * fine[:, b] + s * fine[:, b + 1], left=0)
            for d, s, b in zip(delay_s + 0.2 * np.cos(angle), share, below, strict=True)
        ],
        axis=1,
    )
    noisy = clean + rng.normal(0, clean.max(axis=0).mean() / snr, clean.shape)
    return Case(times_s, arterial(times_s), flow, noisy, segments)


def ours(model):
    def fit(case):
        part = kinetics.CurveSet(
            times_s=case.times_s, curves=case.curves, groups=case.segments, used_frames=np.ones(FRAMES, bool)
        )
        fitter = kinetics.prepare_fitter(model, [part], case.times_s, case.arterial_mmol_l, hematocrit=HEMATOCRIT)
        found = fitter.fit(0, part)
        return found.mbf_ml_min_g, found.mbf_low_ml_min_g, found.mbf_high_ml_min_g

    return fit


def scipy_fermi(case):
    """The script of many laboratories: one curve_fit per pixel, Fermi residue with delay, inputs on a 0.25 s grid."""
    grid_s = np.arange(0, case.times_s[-1] + 0.25, 0.25)
    blood = np.interp(grid_s, case.times_s, case.arterial_mmol_l)

    def model(times_s, flow, decay, shoulder_s, delay_s):
        response = flow / (1 + np.exp(np.minimum((grid_s - shoulder_s) * decay, 50)))
        return np.interp(times_s - delay_s, grid_s, np.convolve(blood, response)[: grid_s.size] * 0.25, left=0)

    found = []
    for curve in case.curves.T:
        try:
            (flow, decay, shoulder_s, _), _ = curve_fit(
                model, case.times_s, curve, p0=(0.03, 0.1, 2, 1), bounds=([0, 0.001, 0, 0], [0.5, 2, 20, 4])
            )
            found.append(flow / (1 + np.exp(-decay * shoulder_s)) * 60 / 1.05)
        except RuntimeError:
            found.append(np.nan)
    return np.array(found), None, None


def dcmri_two_compartment(case):
    """dcmri's two-compartment exchange tissue within physiological bounds; without them its fits diverge here."""
    import dcmri

    def model(times_s, flow, exchange, plasma, interstitium, delay_s):
        late = np.interp(times_s - delay_s, case.times_s, case.arterial_mmol_l, left=0)
        return dcmri.conc_tissue(
            late, t=times_s, kinetics="2CX", H=HEMATOCRIT, Fb=flow, PS=exchange, vb=plasma, vi=interstitium
        )

    found = []
    for curve in case.curves.T:
        try:
            best, _ = curve_fit(
                model,
                case.times_s,
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
    parser.add_argument("--first-seed", type=int, default=72000)
    parser.add_argument("--seeds", type=int, default=3, help="hearts per line of the table")
    parser.add_argument(
        "--varied", action="store_true", help="an arterial input and a tissue of its own for every heart"
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for truth in TissueModel:
        for name in options.methods:
            for snr in options.snr:
                pooled = []
                for condition in ("rest", "stress"):
                    found = [
                        measure(name, heart(truth, condition, snr, seed, varied=options.varied))
                        for seed in range(options.first_seed, options.first_seed + options.seeds)
                    ]
                    *arrays, seconds = zip(*found, strict=True)
                    flows = [np.concatenate(each) for each in arrays]
                    pooled.append(flows)
                    print(row(truth, condition, snr, name, *flows, np.mean(seconds)), flush=True)
                print(row(truth, "both", snr, name, *map(np.concatenate, zip(*pooled, strict=True)), None), flush=True)


def measure(name, case):
    """True and found flow with its interval (NaN where a method gives none), and CPU seconds per 2000 pixels."""
    fit, pixels = METHODS[name]
    if pixels is not None:
        case = case.part(np.linspace(0, PIXELS - 1, pixels).astype(int))
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, low, high = fit(case)
    seconds = (time.process_time() - start) / case.flow.size * 2000
    nothing = np.full(case.flow.size, np.nan)
    return case.flow, found, nothing if low is None else low, nothing if high is None else high, seconds


def row(truth, condition, snr, name, flow, found, low, high, seconds):
    good = np.isfinite(found)
    bias = 100 * np.mean(found[good] / flow[good] - 1)
    rmse = np.sqrt(np.mean((found[good] - flow[good]) ** 2))
    icc = icc_agreement(np.column_stack((flow[good], found[good])), interval=False).value
    given = np.isfinite(low).any()
    covered = f"{np.mean((low[good] < flow[good]) & (flow[good] < high[good])):.2f}" if given else ""
    cost = "" if seconds is None else f"{seconds:.2f}"
    return (
        f"| {truth} | {condition} | {snr:g} | {name} | {bias:+.1f} | {rmse:.2f} | {icc:.3f} | {covered} "
        f"| {100 * np.mean(~good):.1f} | {cost} |"
    )


if __name__ == "__main__":
    main()
