"""A random right ventricle beside the left one, and where it is inserted."""

from collections.abc import Callable

import numpy as np

from .grid import Wave, wavy_circle


def draw_right_ventricle(
    rng: np.random.Generator, radius: float, outline: Wave
) -> tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], np.ndarray]:
    """The outside of an RV that covers one part of the epicardium, and (2, 2) the ends of the septum.

    radius, outline : of the epicardium, mm, and relative to it
    returns a signed distance (mm) as a function of heart coordinates u and v, in which the ends lie too
    """
    while True:
        rv_shape = _draw_shape(rng, radius)
        ends = _find_insertions(rv_shape, radius, outline)
        if ends is not None:
            return rv_shape, ends


def _draw_shape(rng, radius):
    """Signed distance of the RV's outer surface: a skewed oval that leaves the epicardium at two random angles."""
    half_arc = np.deg2rad(rng.uniform(30, 80))
    thickness = rng.uniform(5, 30) if rng.random() < 0.5 else rng.uniform(20, 62)
    chord = radius * np.cos(half_arc)
    outer = radius + thickness
    middle = chord + rng.uniform(-0.25, 0.6) * (outer - chord)
    a = outer - middle
    b = radius * np.sin(half_arc) / np.sqrt(max(1 - ((chord - middle) / a) ** 2, 0.15))
    b = np.clip(b, 0.5 * radius, 1.35 * radius)
    skew, lift = rng.normal(0, 0.2), rng.normal(0, 0.1) * radius
    wave = wavy_circle(rng, strength=rng.uniform(0, 0.08))
    power = rng.uniform(1.8, 2.8)

    def signed_mm(u, v):
        x, y = (u - middle) / a, (v - lift + skew * (u - middle)) / b
        reach = (np.abs(x) ** power + np.abs(y) ** power) ** (1 / power)
        return (reach - wave(np.arctan2(y, x))) * np.sqrt(a * b)

    return signed_mm


def _find_insertions(rv_shape, radius, outline):
    """(2, 2) ends of the septum in heart coordinates: where the outside of the RV wall meets the epicardium.

    None where the septum takes less than 20 degrees, is not around angle 0, or ends 30 degrees from the far side, and
    where the RV comes out of the LV elsewhere too.
    """
    angle = np.linspace(-np.pi, np.pi, 720, endpoint=False)
    reach = radius * outline(angle)
    covered = np.flatnonzero(rv_shape(reach * np.cos(angle), reach * np.sin(angle)) < 0)
    if len(covered) < 40:
        return None
    first, last = int(covered[0]), int(covered[-1])
    if len(covered) != last - first + 1 or not 60 <= first <= 360 <= last <= 660:
        return None
    ends = angle[[first, last]]
    return np.stack([reach[[first, last]] * np.cos(ends), reach[[first, last]] * np.sin(ends)], axis=1)
