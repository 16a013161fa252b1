"""Contrast-agent concentration from the signal of a saturation-recovery gradient-echo sequence."""

from functools import lru_cache

import numpy as np
from scipy import ndimage, special

from ..data.acquisition import Acquisition

SATURATED_SHARE = 0.985  # of full recovery; above it a 1 % signal error is more than 15 % of the concentration
TABLE_R1_PER_S = 80.0  # 16 mmol/L of gadobutrol: above any first-pass peak
TABLE_POINTS = 8192
FLOOR_FRAMES = 5
SHADING_PX = 2.5  # coil sensitivity does not change within such a distance


def recovered_share(r1_per_s, acquisition: Acquisition):
    """Longitudinal magnetization at the center of k-space, as a share of equilibrium.

    After an ideal saturation pulse the magnetization recovers freely for the delay TD, then under the n excitations
    that precede the center of k-space: with E = exp(-TR R1) and a = cos(flip angle) E,
    ``(1 - exp(-TD R1)) a^n + (1 - E) (1 - a^n) / (1 - a)``, where ``TD = TS - n TR``. A train longer than the
    saturation time TS cannot be; it is shortened to start right after the saturation pulse.

    Parameters
    ----------
    r1_per_s : (...) array, 1/s
        Longitudinal relaxation rate.

    Returns
    -------
    (...) array, 0 to 1, strictly increasing in ``r1_per_s``

    References
    ----------
    Larsson HBW et al., Magn Reson Med 1996;35:716 (saturation recovery with a pulse train);
    Kellman P et al., J Cardiovasc Magn Reson 2017;19:43.

    Examples
    --------
    >>> no_train = Acquisition(saturation_time_s=0.1, pulses_to_center=0)
    >>> round(float(recovered_share(10.0, no_train)), 4)  # 1 - exp(-1)
    0.6321
    """
    r1_per_s = np.asarray(r1_per_s, dtype=float)
    tr_s, ts_s = acquisition.repetition_time_s, acquisition.saturation_time_s
    earlier = max(min(acquisition.pulses_to_center, int(ts_s / tr_s)), 0)
    free = -np.expm1(-(ts_s - earlier * tr_s) * r1_per_s)
    if earlier == 0:
        return free
    regrown = -np.expm1(-tr_s * r1_per_s)
    kept = np.cos(np.deg2rad(acquisition.flip_angle_deg)) * (1 - regrown)
    return free * kept**earlier + regrown * (1 - kept**earlier) / (1 - kept)


def relative_signal(concentration_mmol_l, acquisition: Acquisition, *, t10_s, r2_star_l_mmol_s=0.0):
    """Signal at a concentration, as a share of full recovery without T2* loss.

    ``R1 = 1 / T10 + r1 C`` (fast water exchange); the echo loses ``exp(-TE r2* C)``.
    """
    concentration_mmol_l = np.asarray(concentration_mmol_l, dtype=float)
    r1_per_s = 1 / t10_s + acquisition.relaxivity_l_mmol_s * concentration_mmol_l
    return recovered_share(r1_per_s, acquisition) * np.exp(
        -acquisition.echo_time_s * r2_star_l_mmol_s * concentration_mmol_l
    )


def concentration(
    signal,
    acquisition: Acquisition,
    *,
    baseline,
    t10_s,
    baseline_mmol_l=0.0,
    r2_star_l_mmol_s=0.0,
):
    """Contrast-agent concentration from a saturation-recovery signal, above that of the baseline.

    The signal is divided by its own baseline, which cancels coil sensitivity, proton density and every scale;
    the sequence's signal curve is then inverted exactly (by a monotone table of 8192 points, error below
    1e-4 mmol/L).

    Parameters
    ----------
    signal : (T, ...) array, a.u.
        Magnitude signal, time first, on any linear scale.
    baseline : (...) array, a.u.
        Signal before the contrast agent arrives.
    t10_s : float, s
        Native T1 of the tissue.
    baseline_mmol_l : float, mmol/L
        Concentration left over from an earlier injection, during the baseline.
    r2_star_l_mmol_s : float, L/mmol/s
        Transverse relaxivity r2*; 0 leaves T2* out.

    Returns
    -------
    (T, ...) array, mmol/L
        NaN where the signal is so close to its maximum that it carries no information on the concentration, and
        where the baseline is not positive.

    References
    ----------
    Kellman P et al., J Cardiovasc Magn Reson 2017;19:43. OSIPI process P.SC2.

    Examples
    --------
    >>> acquisition = Acquisition(saturation_time_s=0.1, pulses_to_center=0, relaxivity_l_mmol_s=4.5)
    >>> c = concentration([10.0, 10.0, 30.0], acquisition, baseline=10.0, t10_s=1.4)
    >>> round(float(c[-1]), 2)
    0.36
    """
    signal, baseline = np.asarray(signal, dtype=float), np.asarray(baseline, dtype=float)
    table_mmol_l, table = _signal_table(acquisition, t10_s, r2_star_l_mmol_s)
    rising = slice(0, int(np.argmax(table)) + 1)  # T2* turns the curve down at high concentration
    before = relative_signal(baseline_mmol_l, acquisition, t10_s=t10_s, r2_star_l_mmol_s=r2_star_l_mmol_s)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = signal / np.where(baseline > 0, baseline, np.nan) * before
    found = np.interp(share, table[rising], table_mmol_l[rising]) - baseline_mmol_l
    return np.where(share <= SATURATED_SHARE * table.max(), found, np.nan)


@lru_cache(maxsize=32)
def _signal_table(acquisition: Acquisition, t10_s: float, r2_star_l_mmol_s: float):
    """Concentrations and signals; kept, since every pixel of a study asks for the same."""
    table_mmol_l = (np.linspace(0, TABLE_R1_PER_S, TABLE_POINTS) - 1 / t10_s) / acquisition.relaxivity_l_mmol_s
    table = relative_signal(table_mmol_l, acquisition, t10_s=t10_s, r2_star_l_mmol_s=r2_star_l_mmol_s)
    for array in (table_mmol_l, table):
        array.setflags(write=False)
    return table_mmol_l, table


def _magnitude_mean(snr):
    """Mean of a Rician magnitude, in standard deviations of the noise, at a true signal of so many."""
    quarter = np.asarray(snr, dtype=float) ** 2 / 4
    return np.sqrt(np.pi / 2) * ((1 + 2 * quarter) * special.ive(0, quarter) + 2 * quarter * special.ive(1, quarter))


_SNR = np.concatenate((np.linspace(0, 10, 1001), np.geomspace(10.1, 1e4, 500)))
_MEAN = _magnitude_mean(_SNR)
_SD = np.sqrt(np.maximum(2 + _SNR**2 - _MEAN**2, 0))
_SD[_SNR > 30] = 1  # where the difference of squares loses its digits


def noise_level(frames):
    """Standard deviation of the noise of a magnitude image, from frames without contrast; 0 for a single one.

    The scatter of a magnitude shrinks as the signal nears the noise; the ratio of mean and scatter tells by how much.

    frames : (B, N) array

    References
    ----------
    Koay CG, Basser PJ, J Magn Reson 2006;179:317.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frames = np.hypot(rng.normal(6, 3, (8, 500)), rng.normal(0, 3, (8, 500)))
    >>> bool(abs(noise_level(frames) - 3) < 0.1)
    True
    """
    if len(frames) < 2:
        return 0.0
    median_to_mean = (1 - 2 / (9 * (len(frames) - 1))) ** 3  # of a chi-squared distribution (Wilson and Hilferty)
    scatter = np.sqrt(np.median(np.mean(np.diff(frames, axis=0) ** 2, axis=0)) / 2 / median_to_mean)
    if not scatter > 0:
        return 0.0
    return float(scatter / np.interp(np.median(frames.mean(axis=0)) / scatter, _MEAN / _SD, _SD))


def without_noise_floor(mean_signal, noise):
    """True signal behind the mean of many magnitudes, which noise lifts by about sd^2 / (2 A).

    Where saturation leaves 5 % of the signal this is 1 to 10 % of the baseline, and near the arterial peak a baseline
    that is 1 % too high costs 5 % of the concentration.

    References
    ----------
    Gudbjartsson H, Patz S, Magn Reson Med 1995;34:910.

    Examples
    --------
    >>> bool(abs(without_noise_floor(np.sqrt(np.pi / 2) * 3.0, 3.0)) < 1e-6)  # nothing but noise
    True
    """
    mean_signal = np.asarray(mean_signal, dtype=float)
    return noise * np.interp(mean_signal / noise, _MEAN, _SNR) if noise > 0 else mean_signal


def curves_without_noise_floor(signal, noise, *, used_frames=None):
    """Single noisy curves (T, N) without their noise floor, which is taken from the curve smoothed over five frames.

    used_frames : (T,) bool, optional; the others do not count in the smoothed curve
    """
    signal = np.asarray(signal, dtype=float)
    used = np.ones(len(signal)) if used_frames is None else np.asarray(used_frames, dtype=float)
    share = ndimage.uniform_filter1d(used, FLOOR_FRAMES, mode="nearest")
    seen = np.where(used[:, None] > 0, signal, 0.0)
    smooth = ndimage.uniform_filter1d(seen, FLOOR_FRAMES, axis=0, mode="nearest")
    near = share > 0.5 / FLOOR_FRAMES
    smooth[near] /= share[near, None]
    smooth[~near] = signal[~near]
    return signal - (smooth - without_noise_floor(smooth, noise))


def steady_baseline(frames, mask):
    """Baseline signal (N,) of the pixels of a mask, each leaning on its surroundings as far as noise requires.

    Baseline signal varies in space by coil sensitivity, slowly, and by partial volume; the rest is noise, which would
    scale a pixel's whole curve. The variance between a pixel and its surroundings that noise does not explain tells
    how much the pixel itself is to be believed (empirical Bayes).

    frames : (B, N) array of the pixels in ``mask``; mask : (Y, X) bool
    """
    own = frames.mean(axis=0)
    if len(frames) < 2 or own.size < 4:
        return own
    reach = int(4 * SHADING_PX + 0.5) + 1  # of the Gaussian
    rows, columns = np.nonzero(mask)
    mask = mask[max(rows.min() - reach, 0) : rows.max() + reach, max(columns.min() - reach, 0) : columns.max() + reach]
    share = np.zeros(mask.shape)
    share[mask] = 1
    picture = np.zeros(mask.shape)
    picture[mask] = own
    weight = np.maximum(ndimage.gaussian_filter(share, SHADING_PX), 1e-9)
    around = (ndimage.gaussian_filter(picture, SHADING_PX) / weight)[mask]
    noise_variance = noise_level(frames) ** 2 / len(frames)
    real_variance = max(float(np.mean((own - around) ** 2)) - noise_variance, 0.0)
    belief = real_variance / max(real_variance + noise_variance, 1e-30)
    return around + belief * (own - around)
