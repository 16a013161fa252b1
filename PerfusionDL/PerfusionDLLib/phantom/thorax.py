"""What surrounds the heart: lungs and their vessels, liver, stomach, spleen, aorta, chest wall, spine, arms."""

import numpy as np

from ..series import Level
from .heart import Heart
from .patient import HEIGHT, Patient
from .shapes import Canvas, coverage, smooth_noise, wave


def ellipse(y, x, center, radii, turn_rad=0.0) -> np.ndarray:
    """Negative inside; about mm near the edge."""
    dy, dx = y - center[0], x - center[1]
    along, across = dx * np.cos(turn_rad) + dy * np.sin(turn_rad), dy * np.cos(turn_rad) - dx * np.sin(turn_rad)
    return (np.hypot(along / radii[0], across / radii[1]) - 1) * min(radii)


def paint_interior(canvas: Canvas, patient: Patient, heart: Heart, level: Level, y, x) -> None:
    """Everything that moves with breathing, behind the heart: painted on an empty canvas."""
    rng = np.random.default_rng([patient.seed, 4])
    height, radius = HEIGHT[level], heart.radius_mm
    step_mm = float(x[0, 1] - x[0, 0])
    canvas.paint("lung", np.ones(canvas.shape, np.float32))
    hilum = np.array([rng.uniform(-40, 0), radius + rng.uniform(25, 50)])
    count = int(rng.integers(45, 75))
    for _ in range(count):
        center = hilum + rng.normal(0, 45, 2) * [1.1, 1.0]
        depth = rng.normal(0, 1.0)
        size = rng.gamma(2.2, 1.1) + 0.8
        long, turn, vein = rng.uniform(1, 5), rng.uniform(0, np.pi), rng.random() < 0.5
        if abs(depth - height) < 0.9:  # a vessel is cut by the slices near it
            vessel = coverage(ellipse(y, x, center + 5 * height, (size * long, size), turn))
            canvas.paint("lung vein" if vein else "lung artery", vessel * 0.9)
    aorta = (rng.uniform(15, 45), radius + rng.uniform(25, 45))
    canvas.paint("aorta", coverage(ellipse(y, x, aorta, (12.0, 11.0))))

    dome = radius + rng.uniform(3, 9) + 4 * height
    slope, bend = rng.uniform(-0.25, 0.15), rng.uniform(0.0012, 0.0028)
    below = dome + slope * x + bend * (x + rng.uniform(-20, 20)) ** 2 - y
    abdomen = coverage(below)
    canvas.paint("fat", coverage(below - rng.uniform(1.0, 3.0)))
    canvas.paint("muscle", abdomen)
    canvas.paint("fat", coverage(below + 3))
    split = rng.uniform(-15, 25)
    liver = np.maximum(below + 4, x - split - 0.3 * (y - radius))
    stomach_center = (dome + rng.uniform(32, 45), split + rng.uniform(35, 50))
    stomach = np.maximum(ellipse(y, x, stomach_center, (rng.uniform(30, 45), rng.uniform(22, 32)), 0.3), below + 4)
    spleen = np.maximum(ellipse(y, x, (dome + 35, split + 100), (22, 32), 0.5), below + 4)
    canvas.paint("liver", coverage(liver))
    for _ in range(6):
        center = (dome + rng.uniform(15, 70), split - rng.uniform(15, 70))
        vessel = coverage(ellipse(y, x, center, (rng.uniform(4, 14), rng.uniform(1.5, 3)), rng.uniform(0, np.pi)))
        canvas.paint("liver vessel", vessel * coverage(liver))
    canvas.paint("spleen", coverage(spleen))
    canvas.paint("stomach wall", coverage(stomach))
    content = str(rng.choice(["gas", "stomach content", "stomach content"]))
    canvas.paint(content, coverage(stomach + rng.uniform(2.5, 4)))

    # epicardial fat: thick over the right ventricle and in the grooves at the insertion points
    around = np.arctan2(y, x)
    thickness = np.clip(rng.uniform(2, 6) + wave(around, rng.normal(0, 2.0, 3), rng.uniform(0, 6.3, 3), 1), 0, None)
    shell = np.minimum(heart.outside_rv(y, x, heart.rv_wall_mm), heart.outside_epicardium(y, x))
    toward_septum = np.clip(np.cos(around - heart.septum_rad) + 0.7, 0, 1)
    fat = coverage(shell - thickness * toward_septum)
    patchy = np.clip(0.75 + 0.35 * smooth_noise(rng, canvas.shape, 4 / step_mm), 0, 1)
    canvas.paint("fat", (fat * patchy).astype(np.float32))


def paint_chest_wall(canvas: Canvas, patient: Patient, heart: Heart, y, x) -> np.ndarray:
    """What does not move: painted on an empty canvas. Returns its share of each sample (H, W)."""
    rng = np.random.default_rng([patient.seed, 5])
    step_mm = float(x[0, 1] - x[0, 0])
    heart_left = heart.radius_mm + patient.rv_depth_mm + 8
    radii = np.array([rng.uniform(100, 118), rng.uniform(105, 125)])
    center = (rng.uniform(10, 30), radii[0] - heart_left + rng.uniform(-2, 12))
    dy, dx = y - center[0], x - center[1]
    angle = np.arctan2(dy / radii[1], dx / radii[0])
    scale = 1 + wave(angle, rng.normal(0, 0.02, 4), rng.uniform(0, 6.3, 4))
    depth = (np.hypot(dy / radii[1], dx / radii[0]) / scale - 1) * radii.mean()  # mm outward of the pleura
    muscle = rng.uniform(8, 18) + wave(angle, rng.normal(0, 3, 3), rng.uniform(0, 6.3, 3), 1)
    back = 30 * np.clip(np.cos(angle - 0.35), 0, 1) ** 2
    muscle = np.clip(muscle, 5, None) + back
    skin = np.clip(rng.uniform(10, 26) + wave(angle, rng.normal(0, 5, 3), rng.uniform(0, 6.3, 3), 1), 3, None)
    body = coverage(depth - muscle - skin)
    canvas.paint("air", np.ones(canvas.shape, np.float32))
    if patient.arms:
        for side in (-1, 1):
            arm = ellipse(y, x, (center[0] + 40, center[1] + side * (radii[0] + 85)), (32, 40))
            canvas.paint("fat", coverage(arm))
            canvas.paint("muscle", coverage(arm + 7))
    canvas.paint("fat", body)
    canvas.paint("muscle", coverage(depth - muscle))
    stripes = np.cos(angle * rng.uniform(12, 18) + depth / 6) + 0.5 * smooth_noise(rng, canvas.shape, 5 / step_mm)
    layer = np.abs(depth - muscle * 0.45) < 5
    canvas.paint("marrow", (np.clip(stripes * 1.5, 0, 1) * layer * 0.9).astype(np.float32))
    sheet = np.exp(-(((depth - muscle * rng.uniform(0.6, 0.9)) / 1.8) ** 2)) * np.clip(-stripes, 0, 1)
    canvas.paint("fat", (0.8 * sheet).astype(np.float32))
    spine = ellipse(y, x, (center[0] + 0.30 * radii[1], center[1] + radii[0] + 12), (19, 17))
    canvas.paint("marrow", coverage(spine))
    cavity = coverage(depth)
    for tissue in canvas.amounts:
        canvas.amounts[tissue] = canvas.amounts[tissue] * (1 - cavity)
    return 1 - cavity
