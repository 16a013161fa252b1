"""Convolution with models that are known by their Laplace transform."""

from dataclasses import dataclass

import numpy as np

PERIOD_SHARE = 1.5  # length of the period over that of the series
DAMPING = 8.0  # over the period: what returns from the period before is smaller by exp(-8)
HIGHEST_HZ = 0.8  # an arterial input sampled once per heartbeat holds nothing above
INTEGRATION_S = 0.1


@dataclass(frozen=True, kw_only=True)
class InputSpectrum:
    """An arterial input in the Laplace domain, and the way back to the frame times.

    ``curves = real(transfer * arterial) @ real part + ...``: see `respond`. The Bromwich integral is taken along
    ``s = damping + i omega`` as a sum, i.e. an exponentially windowed Fourier series whose terms are evaluated at the
    times the frames were taken, evenly spaced or not.

    laplace_per_s : (K,) complex, the points s
    synthesis : (2 K, T) real; takes real and imaginary parts of transfer functions to curves
    """

    laplace_per_s: np.ndarray
    synthesis: np.ndarray

    def respond(self, transfer):
        """Curves (..., T) of systems given by their transfer functions (..., K) at ``laplace_per_s``."""
        parts = real_parts(transfer)
        return (parts.reshape(-1, parts.shape[-1]) @ self.synthesis).reshape(*transfer.shape[:-1], -1)

    def delayed(self, delay_s):
        """Synthesis matrices (D, 2 K, T) for systems that respond later by some delays (D,)."""
        points = len(self.laplace_per_s)
        synthesis = self.synthesis[:points] - 1j * self.synthesis[points:]
        late = np.exp(-np.asarray(delay_s)[:, None] * self.laplace_per_s)[:, :, None] * synthesis
        return np.concatenate((late.real, -late.imag), axis=1)


def real_parts(transfer):
    """Real and imaginary parts of transfer functions (..., K) side by side (..., 2 K)."""
    return np.concatenate((transfer.real, transfer.imag), axis=-1)


def input_spectrum(arterial, times_s, *, first_s):
    """Transform an arterial input.

    Parameters
    ----------
    arterial : function of time, s to mmol/L
    times_s : (T,) of the tissue frames
    first_s : float
        Time before which the input is zero.

    Examples
    --------
    A system that only delays returns the input, later:

    >>> bolus = lambda t: np.exp(-(((t - 10) / 3) ** 2))
    >>> frames = np.arange(0, 40, 0.9)
    >>> spectrum = input_spectrum(bolus, frames, first_s=0.0)
    >>> later = spectrum.respond(np.exp(-2.0 * spectrum.laplace_per_s)[None])[0]
    >>> bool(np.abs(later - bolus(frames - 2)).max() < 1e-3)
    True
    """
    since_s = np.asarray(times_s, dtype=float) - first_s
    duration_s = since_s[-1] + 2.0
    period_s = PERIOD_SHARE * duration_s
    grid_s = np.arange(0, period_s, INTEGRATION_S)
    # After the last frame the input runs out smoothly; what comes then cannot be seen in the frames.
    fading = 0.5 * (1 + np.cos(np.pi * np.clip((grid_s - duration_s) / (period_s - duration_s), 0, 1)))
    samples = arterial(first_s + grid_s) * fading * INTEGRATION_S
    omega = 2 * np.pi / period_s * np.arange(int(HIGHEST_HZ * period_s) + 1)
    laplace_per_s = DAMPING / period_s + 1j * omega
    spectrum = samples @ np.exp(-grid_s[:, None] * laplace_per_s)
    # Half weight at zero: it has no mirror image; a cosine roll-off of the highest fifth against ringing.
    rolled = np.clip((omega / omega[-1] - 0.8) / 0.2, 0, 1)
    weights = np.where(omega == 0, 0.5, 1.0) * 0.5 * (1 + np.cos(np.pi * rolled)) * 2 / period_s
    synthesis = (weights * spectrum)[:, None] * np.exp(laplace_per_s[:, None] * since_s)
    return InputSpectrum(laplace_per_s=laplace_per_s, synthesis=np.concatenate((synthesis.real, -synthesis.imag)))
