"""Concentration curves of a slice, and the mean curves of groups of its pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from .slice_input import SliceInput

FEWEST_INNER_PIXELS = 4  # of a group, to leave its edge out
HEIGHT_SPREAD = 0.3  # log, of curves about the median of their group; from noise it is 0.02, around a wall 0.1
NEAR_FRAMES, PRIOR_FRAMES = 2.0, 2.0  # sd of the window that a frame's variance is seen in; frames that say it is usual
FRAME_ROUNDS = 3
MOST_CORRELATION = 0.8
# Share of blood of each cavity in the mean curve of a group, contours being off by up to a pixel; chosen on 671000 to
# 671007 of benchmarks/shifted.py, where 0.02 does alike.
GROUP_SPILLOVER_SD = 0.03


@dataclass(frozen=True, kw_only=True)
class CurveSet:
    """Concentration curves of one slice.

    times_s : (T,); curves : (T, N) mmol/L; groups : (N,) int, pixels of a group are near each other
    used_frames : (T,) bool
    edge : (N,) bool, pixels that may hold blood of a neighboring cavity, or None for none
    inner : (N,) bool, pixels free of any partial volume, which the scan is learned from, or None for all
    spillover : (S, T) what a pixel full of such blood would show, mmol/L, or None
    log_sd : relative uncertainty of the scale of the curves
    """

    times_s: np.ndarray
    curves: np.ndarray
    groups: np.ndarray
    used_frames: np.ndarray
    edge: np.ndarray | None = None
    inner: np.ndarray | None = None
    spillover: np.ndarray | None = None
    log_sd: float = 0.0


@dataclass(frozen=True, kw_only=True)
class GroupCurves:
    """Mean curves of groups of pixels in one slice, (G, T), and their standard deviation per frame; inf takes a frame
    out.

    blood : (S, T) one standard deviation of the blood of each cavity that a mean curve may hold, mmol/L
    """

    input: SliceInput
    curves: np.ndarray
    sd: np.ndarray
    blood: np.ndarray

    def noise_share(self) -> np.ndarray:
        """Standard deviation of the frames (G,) over the peak of each curve, as much as all of them know together."""
        counts = np.isfinite(self.sd).sum(axis=1)
        sd = np.sqrt(np.maximum(counts, 1) / np.maximum((self.sd**-2.0).sum(axis=1), 1e-30))
        return sd / np.maximum(np.abs(self.curves).max(axis=1), 1e-12)


def group_means(part: CurveSet, ready: SliceInput, numbers: np.ndarray, *, from_images: bool) -> GroupCurves:
    """Mean curves of the groups (G,) of a slice and how sure they are; of images, frame by frame."""
    used = np.asarray(part.used_frames)
    data = np.asarray(part.curves, dtype=float).T
    complete = np.isfinite(data[:, used]).all(axis=1)
    data = np.where(used & complete[:, None], data, 0.0)
    member = (part.groups[:, None] == numbers) & complete[:, None]
    if part.inner is not None:
        inner = member & part.inner[:, None]
        member = np.where(inner.sum(axis=0) >= FEWEST_INNER_PIXELS, inner, member)
    member = _alike(data, member)
    sizes = np.maximum(member.sum(axis=0), 1)
    means = (member / sizes).T @ data
    pixel_sd = noise_sd(data, ready.subspace, used)
    expected = np.sqrt(member.T @ pixel_sd**2) / sizes
    sd = np.maximum(noise_sd(means, ready.subspace, used), expected)
    empty = member.sum(axis=0) == 0
    sd = np.where(empty[:, None] | ~used, np.inf, np.where(empty, 1.0, sd)[:, None])
    none = part.spillover is None or not from_images
    blood = np.zeros((0, len(used))) if none else GROUP_SPILLOVER_SD * np.asarray(part.spillover)
    group = GroupCurves(input=ready, curves=means, sd=sd, blood=blood)
    return replace(group, sd=sd * np.sqrt(_frame_variance(group))) if from_images else group


def shared_error(slices: Sequence[GroupCurves]) -> float:
    """By how much errors that frames and groups share are worse for what a scan tells than as much noise would be.

    Measured in what no model curve explains. Breathing spoils frames all over a slice and some frames in a row: such
    errors do not average out as noise does. The variance of a mean of groups is larger than independent errors leave
    it, and errors whose consecutive frames correlate by ``r`` count ``(1 + r) / (1 - r)`` times.
    """
    of_mean = of_each = products = expected = 0.0
    for group in slices:
        left, basis = _unexplained(group)
        shared = left.sum(axis=0)
        of_mean += float(shared @ shared)
        of_each += float((left**2).sum())
        products += float(shared[1:] @ shared[:-1])
        # Of white noise too the models explain what varies slowly; the rest alternates.
        free = len(shared) - len(basis)
        expected -= float(shared @ shared) * float((basis[:, 1:] * basis[:, :-1]).sum()) / max(free, 1)
    correlation = np.clip((products - expected) / max(of_mean, 1e-30), 0, MOST_CORRELATION)
    return max(of_mean / max(of_each, 1e-30), 1.0) * (1 + correlation) / (1 - correlation)


def _frame_variance(group):
    """Variance of each frame (T,) over that of the mean frame: of frames about it and of all groups."""
    frames = np.isfinite(group.sd).any(axis=0)
    known = np.isfinite(group.sd).any(axis=1)
    variance = np.ones(len(frames))
    if not known.any():
        return variance
    window = 2 * np.sqrt(np.pi) * NEAR_FRAMES  # so many frames does a Gaussian mean of
    for _ in range(FRAME_ROUNDS):
        left, _ = _unexplained(replace(group, sd=group.sd * np.sqrt(variance)))
        found = gaussian_filter1d((left[known] ** 2).mean(axis=0) * variance[frames], NEAR_FRAMES, mode="nearest")
        variance[frames] = (PRIOR_FRAMES + window * found) / (PRIOR_FRAMES + window)
    return variance


def _unexplained(group):
    """What no model curve explains of curves (G, U) in used frames, over their sd, and what they do (R, U).

    The standard deviations of all groups of a slice go up and down together.
    """
    frames = np.isfinite(group.sd).any(axis=0)
    sd = group.sd[:, frames]
    basis = np.linalg.qr((group.input.subspace[:, frames] / sd.min(axis=0)).T)[0].T
    left = group.curves[:, frames] / sd
    return left - left @ basis.T @ basis, basis


def _alike(data, member):
    """Members (N, G) whose curves (N, T) are as high as most of their group, if enough are.

    Where a contour runs outside of the wall the others hold fat or lung; they may also be a defect.
    """
    kept = np.zeros_like(member)
    for group, inside in enumerate(member.T):
        if not inside.any():
            continue
        typical = np.median(data[inside], axis=0)
        height = data @ typical / max(typical @ typical, 1e-30)
        kept[:, group] = inside & (np.abs(np.log(np.maximum(height, 1e-3))) < HEIGHT_SPREAD)
    return np.where(kept.sum(axis=0) >= FEWEST_INNER_PIXELS, kept, member)


def noise_sd(data, subspace, used):
    """Standard deviation per frame (N,): what no model curve explains, steadied by the other curves of the slice."""
    freedom = max(int(used.sum()) - len(subspace), 1)
    left = (data**2).sum(axis=1) - ((data @ subspace.T) ** 2).sum(axis=1)
    variance = np.maximum(left, 0) / freedom
    positive = variance[variance > 0]
    typical = np.median(positive) if positive.size else 1.0
    steady = 8  # degrees of freedom lent by the slice
    return np.sqrt((freedom * variance + steady * typical) / (freedom + steady))
