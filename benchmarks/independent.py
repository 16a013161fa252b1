"""Coverage on patients of a simulation that shares nothing with the phantom: dispersion from left ventricle to tissue.

Blood and tissue are solved as ordinary differential equations (scipy `solve_ivp`): the bolus is a chain of well-mixed
vessels with recirculation, dispersion one vessel more, tissue a bundle of capillaries of uneven flow, each cut into
slices along its length that exchange with their interstitium (BTEX with heterogeneity). Signals are those of an ideal
saturation recovery. Values are as a header leaves them. Rest, stress and reserve are inferred as in
`quantification.study_posterior`. Nothing was chosen on its seeds.
"""

import argparse

import numpy as np
from PerfusionDLLib import kinetics
from PerfusionDLLib.data.acquisition import Acquisition
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.quantification.study_model import ScanCurves
from PerfusionDLLib.quantification.study_posterior import Estimate, infer_study
from PerfusionDLLib.signal import saturation_recovery
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline

FIRST_SEED, PATIENTS = 89000, 12
DISPERSIONS_S = (0.0, 0.7, 1.5, 2.5)
VESSELS, SLICES, PATHS = 6, 24, 5
DENSITY, HEMATOCRIT = 1.05, 0.42
CURVES = 48  # noisy curves of a scan, in groups of eight
SNR = 20
ASSUMED = ("pulses_to_center", "relaxivity_l_mmol_s", "r2_star_blood_l_mmol_s", "t10_blood_s", "t10_myocardium_s")
STATED = Acquisition(saturation_time_s=0.11, pulses_to_center=20, assumed=ASSUMED)


def circulate(rng: np.random.Generator, stress: bool, times_s: np.ndarray):
    """Concentration in the left ventricle as a function of time, mmol/L."""
    output_l_s = rng.uniform(4.5, 7.0) * (1.3 if stress else 1.0) / 60
    dose_mmol, vessel_s = rng.uniform(3.0, 5.0), rng.uniform(1.4, 2.2) * (0.75 if stress else 1.0)
    back_s, leak_per_s, start_s = rng.uniform(14, 20), rng.uniform(0.5, 0.7), 3.0

    def change(at_s, state):
        inflow = dose_mmol / 3 / output_l_s if start_s < at_s < start_s + 3 else 0.0
        chain, body, store = state[:VESSELS], state[VESSELS], state[VESSELS + 1]
        before = np.concatenate(([inflow + (1 - leak_per_s) * body + leak_per_s * store], chain[:-1]))
        return np.concatenate(
            ((before - chain) / vessel_s, [(chain[-1] - body) / back_s], [(chain[-1] - store) / 90.0])
        )

    found = solve_ivp(change, (0, times_s[-1]), np.zeros(VESSELS + 2), t_eval=times_s, max_step=0.2, rtol=1e-6)
    return found.y[VESSELS - 1]


def respond(rng: np.random.Generator, blood, flow_ml_min_g: float, dispersion_s: float, tissue: dict, times_s):
    """Concentration of myocardium, mmol/L, after a vessel of a mean transit time and a bundle of capillaries."""
    uneven = np.exp(0.3 * np.linspace(-1.3, 1.3, PATHS))
    flows = flow_ml_min_g * uneven / uneven.mean() * DENSITY / 60 * (1 - HEMATOCRIT)  # of plasma, mL/s/mL
    surface = tissue["ps"] * flow_ml_min_g ** tissue["exponent"] * DENSITY / 60 * uneven / uneven.mean()
    plasma, interstitium = tissue["plasma"] / SLICES, tissue["interstitium"] / SLICES

    def change(at_s, state):
        arrived = state[0]
        seen = blood(at_s)
        inside, outside = state[1:].reshape(2, PATHS, SLICES)
        before = np.concatenate((np.full((PATHS, 1), arrived / (1 - HEMATOCRIT)), inside[:, :-1]), axis=1)
        exchange = surface[:, None] / SLICES * (inside - outside)
        in_plasma = (flows[:, None] * (before - inside) - exchange) / plasma
        vessel = (seen - arrived) / max(dispersion_s, 0.02)
        return np.concatenate(([vessel], in_plasma.ravel(), (exchange / interstitium).ravel()))

    start = np.zeros(1 + 2 * PATHS * SLICES)
    found = solve_ivp(change, (0, times_s[-1]), start, t_eval=times_s, method="LSODA", rtol=1e-5, atol=1e-6)
    inside, outside = found.y[1:].reshape(2, PATHS * SLICES, -1)
    return (plasma * inside + interstitium * outside).sum(axis=0) / PATHS


def seen(concentration, t10_s: float, sd: float, rng: np.random.Generator, stated=STATED):
    """Concentration that the stated values make of the noisy signal."""
    signal = saturation_recovery.relative_signal(np.append(concentration, 0.0), stated, t10_s=t10_s)
    noisy = signal[:-1] + rng.normal(0, sd, concentration.shape)
    return saturation_recovery.concentration(noisy, stated, baseline=signal[-1], t10_s=t10_s)


def simulate(rng, condition: Condition, flow: float, dispersion_s: float, tissue: dict):
    """Times of the frames (T,), s, blood (T,) and curves of tissue (T, N) without noise, mmol/L."""
    stress = condition is Condition.STRESS
    fine_s, times_s = np.arange(0, 75, 0.1), np.arange(0, 62, 0.7 if stress else 0.95)
    blood = CubicSpline(fine_s, circulate(rng, stress, fine_s))
    late = dispersion_s * (0.7 if stress else 1.0)
    each = flow * np.linspace(0.85, 1.15, CURVES // 8)
    clean = np.repeat([respond(rng, blood, one, late, tissue, times_s + 0.0) for one in each], 8, axis=0).T
    return times_s, blood(times_s), clean


def measure(rng, clean, stated=STATED):
    """Curves of tissue (T, N) as they are measured, mmol/L."""
    sd = np.ptp(saturation_recovery.relative_signal(clean, stated, t10_s=stated.t10_myocardium_s)) / SNR
    return np.stack([seen(one, stated.t10_myocardium_s, sd, rng, stated) for one in clean.T], axis=1)


def draw_patient(rng) -> tuple[dict, list[float]]:
    """Tissue, and flow at rest and at stress, mL/min/g."""
    tissue = {
        "plasma": rng.uniform(0.03, 0.09),
        "interstitium": rng.uniform(0.14, 0.28),
        "ps": float(np.exp(rng.uniform(-0.6, 0.6))),
        "exponent": rng.uniform(0.2, 0.8),
    }
    return tissue, [rng.uniform(0.6, 1.4), rng.uniform(1.4, 3.6)]


def group_means(curves):
    """Mean curves (T, G) of groups of eight."""
    return np.nanmean(curves.reshape(len(curves), -1, 8), axis=2)


def estimate(condition: Condition, times_s, arterial, muscle, stated=STATED) -> Estimate:
    """What the flow model says of one scan."""
    part = kinetics.CurveSet(
        times_s=times_s,
        curves=muscle,
        groups=np.arange(CURVES) // 8,
        used_frames=np.ones(times_s.size, bool),
    )
    fitter = kinetics.prepare_fitter(
        FlowModel.AVERAGED, [part], times_s, arterial, hematocrit=HEMATOCRIT, input_log_sd=0.06
    )
    means = kinetics.CurveSet(
        times_s=times_s,
        curves=group_means(muscle),
        groups=np.arange(CURVES // 8),
        used_frames=part.used_frames,
    )
    found = fitter.fit(0, means)
    value, low, high = (
        float(np.nanmean(x)) for x in (found.mbf_ml_min_g, found.mbf_low_ml_min_g, found.mbf_high_ml_min_g)
    )
    peak, arrival = int(np.argmax(arterial)), float(times_s[np.argmax(arterial > 0.05 * arterial.max())])
    curves = ScanCurves(
        arterial_times_s=times_s,
        arterial_mmol_l=arterial,
        arrival_s=arrival - 0.5,
        first_pass_end_s=float(times_s[peak]) + 1.2 * (float(times_s[peak]) - arrival),
        times_s=times_s,
        tissue_mmol_l=np.nanmean(muscle, axis=1),
        acquisition=stated,
        blood_acquisition=stated,
    )
    log_flow = float(np.log(value))
    return Estimate(
        condition=condition,
        curves=curves,
        log_flow=log_flow,
        log_below=log_flow - float(np.log(low)),
        log_above=float(np.log(high)) - log_flow,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    options = parser.parse_args()
    print("| dispersion s | number | covered % | median bias % | bias of the fit alone % | median half width % | n |")
    print("|---|---|---|---|---|---|---|")
    for dispersion_s in DISPERSIONS_S:
        found = {"rest": [], "stress": [], "reserve": []}
        for seed in range(options.first_seed, options.first_seed + options.patients):
            rng = np.random.default_rng(seed)
            tissue, truth = draw_patient(rng)
            estimates = []
            for condition, flow in zip(Condition, truth, strict=True):
                times_s, blood, clean = simulate(rng, condition, flow, dispersion_s, tissue)
                muscle = measure(rng, clean)
                arterial = seen(blood, STATED.t10_blood_s, 0.003, rng)
                estimates.append(estimate(condition, times_s, arterial, muscle))
            posterior = infer_study(estimates)
            alone = [one.log_flow for one in estimates]
            for name, said, log_truth, fit in (
                ("rest", posterior.flows[0], np.log(truth[0]), alone[0]),
                ("stress", posterior.flows[1], np.log(truth[1]), alone[1]),
                ("reserve", posterior.reserve, np.log(truth[1] / truth[0]), alone[1] - alone[0]),
            ):
                found[name].append((said.low, said.median, said.high, log_truth, fit))
        for name, rows in found.items():
            low, median, high, log_truth, fit = np.array(rows).T
            covered = np.mean((low < log_truth) & (log_truth < high))
            width = np.median((np.exp(high) - np.exp(low)) / 2 / np.exp(median))
            bias, fit_bias = (100 * np.expm1(np.median(x - log_truth)) for x in (median, fit))
            print(
                f"| {dispersion_s:g} | {name} | {100 * covered:.0f} | {bias:+.0f} | {fit_bias:+.0f} | "
                f"{100 * width:.0f} | {len(rows)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
