"""What surrounds the heart: lungs and their vessels, liver, stomach, spleen, aorta, chest wall, spine, arms."""

import numpy as np
from scipy.ndimage import gaussian_filter

from ..data.study import Level
from .heart import Heart
from .patient import HEIGHT, Patient
from .shapes import Canvas, coverage, smooth_noise, wave

SLICE_BLUR_MM = (0.8, 2.2)  # edges oblique to a slice of 8 mm


def ellipse(y, x, center, radii, turn_rad=0.0) -> np.ndarray:
    """Negative inside; about mm near the edge."""
    dy, dx = y - float(center[0]), x - float(center[1])
    cosine, sine = float(np.cos(turn_rad)), float(np.sin(turn_rad))
    along, across = dx * cosine + dy * sine, dy * cosine - dx * sine
    return (np.hypot(along / float(radii[0]), across / float(radii[1])) - 1) * float(min(radii))


def window(y, x, center, reach_mm) -> tuple[slice, slice]:
    """The samples within reach of a point, or none where it lies outside."""
    step_mm = float(x[0, 1] - x[0, 0])
    edges = []
    for position, first, count in ((center[0], y[0, 0], y.shape[0]), (center[1], x[0, 0], x.shape[1])):
        low, high = (int((position - first + side * reach_mm) / step_mm) for side in (-1, 1))
        low, high = max(low, 0), min(high + 1, count)
        edges.append(slice(low, high) if high - low >= 2 else slice(0, 0))
    rows, columns = edges
    return rows, columns


def paint_interior(canvas: Canvas, patient: Patient, heart: Heart, level: Level, y, x) -> None:
    """Everything that moves with breathing, behind the heart: painted on an empty canvas."""
    rng = np.random.default_rng([patient.seed, 4])
    step_mm = float(x[0, 1] - x[0, 0])
    paint_lung(canvas, rng, HEIGHT[level], heart.radius_mm, y, x)
    paint_abdomen(canvas, rng, HEIGHT[level], heart.radius_mm, y, x)
    blur = rng.uniform(*SLICE_BLUR_MM) / step_mm
    for tissue, amount in canvas.amounts.items():
        canvas.amounts[tissue] = gaussian_filter(amount, blur, mode="nearest")
    paint_heart_fat(canvas, rng, heart, y, x)


def paint_lung(canvas: Canvas, rng: np.random.Generator, height: float, radius_mm: float, y, x) -> None:
    """Lung, denser in its dependent parts, with vessels that branch from the hilum; descending aorta."""
    canvas.paint("lung", np.ones(canvas.shape, np.float32))
    hilum = np.array([rng.uniform(-35, 5), radius_mm + rng.uniform(30, 55)])
    vessels = {tissue: np.zeros(canvas.shape, np.float32) for tissue in ("lung vein", "lung artery")}
    for _ in range(int(rng.integers(70, 120))):
        off = rng.normal(0, 1, 2) * rng.uniform(8, 65)
        away = np.hypot(*off)
        size = max(rng.gamma(2.0, 0.75) + 0.5 - away / 120, 0.6)
        long = 1 + rng.exponential(1.2)
        turn = np.arctan2(off[0], off[1]) + rng.normal(0, 0.5)  # vessels run away from the hilum
        vein = rng.random() < 0.5
        if abs(rng.normal(0, 1.2) - height) < 0.8:  # a vessel is cut by the slices near it
            tissue, center = "lung vein" if vein else "lung artery", hilum + off + 4 * height
            near = window(y, x, center, size * long + 4)
            vessel = coverage(ellipse(y[near], x[near], center, (size * long, size), turn)) if y[near].size else 0
            vessels[tissue][near] = np.maximum(vessels[tissue][near], vessel * np.float32(rng.uniform(0.4, 0.9)))
    for tissue, cover in vessels.items():
        canvas.paint(tissue, cover)
    aorta = (rng.uniform(15, 45), radius_mm + rng.uniform(25, 45))
    canvas.paint("aorta", coverage(ellipse(y, x, aorta, (rng.uniform(10, 13), rng.uniform(10, 13)))))


def paint_abdomen(canvas: Canvas, rng: np.random.Generator, height: float, radius_mm: float, y, x) -> None:
    """Diaphragm with fat, liver with vessels to the left, stomach and spleen to the right, bowel below."""
    step_mm = float(x[0, 1] - x[0, 0])
    dome = radius_mm + rng.uniform(2, 8) + 3 * height
    slope, bend, top = rng.uniform(-0.20, 0.25), rng.uniform(0.001, 0.0035), rng.uniform(-30, 30)
    below = dome + slope * x + bend * (x - top) ** 2 - bend * top**2 - y
    canvas.paint("fat", coverage(below - rng.uniform(0.5, 4.0)) * np.float32(rng.uniform(0.5, 1.0)))
    canvas.paint("muscle", coverage(below))
    canvas.paint("fat", coverage(below + 2.5))
    for _ in range(int(rng.integers(1, 6))):  # fat pads in the angles between heart and diaphragm
        pad = (radius_mm * rng.uniform(0.0, 1.1), rng.choice([-1, 1, 1]) * radius_mm * rng.uniform(0.6, 1.3))
        pad_radii = (rng.uniform(6, 20), rng.uniform(5, 14))
        canvas.paint("fat", coverage(ellipse(y, x, pad, pad_radii, rng.uniform(0, np.pi))) * np.float32(0.8))
    lumps = smooth_noise(rng, canvas.shape, 9 / step_mm)
    bowel = coverage(0.4 - lumps) * coverage(below + 25)
    canvas.paint("stomach wall", bowel * 0.8)
    split = rng.uniform(-20, 30)
    inside = below + rng.uniform(3, 7)
    liver = np.maximum(inside, x - split - rng.uniform(-0.5, 0.6) * (y - radius_mm))
    liver = np.maximum(liver, y - radius_mm - rng.uniform(60, 130) + 0.3 * x)
    stomach_center = (dome + rng.uniform(28, 42), split + rng.uniform(35, 55))
    stomach = ellipse(y, x, stomach_center, (rng.uniform(26, 45), rng.uniform(18, 30)), rng.uniform(-0.3, 0.6))
    spleen = np.maximum(ellipse(y, x, (dome + 30, split + 105), (18, 34), rng.uniform(0.2, 0.8)), inside)
    canvas.paint("liver", coverage(liver))
    for _ in range(10):
        center = (dome + rng.uniform(12, 80), split - rng.uniform(10, 90))
        vessel = coverage(ellipse(y, x, center, (rng.uniform(3, 16), rng.uniform(1.2, 3)), rng.uniform(0, np.pi)))
        canvas.paint("liver vessel", vessel * coverage(liver) * 0.8)
    canvas.paint("spleen", coverage(spleen))
    stomach = np.maximum(stomach + 1.5 * lumps, inside)
    canvas.paint("stomach wall", coverage(stomach))
    content = str(rng.choice(["gas", "stomach content", "stomach content"]))
    canvas.paint(content, coverage(stomach + rng.uniform(3, 5)))


def paint_heart_fat(canvas: Canvas, rng: np.random.Generator, heart: Heart, y, x) -> None:
    """Epicardial fat: thick over the right ventricle and in the grooves at the insertion points, patchy elsewhere."""
    step_mm = float(x[0, 1] - x[0, 0])
    around = np.arctan2(y, x)
    shell = np.minimum(heart.outside_rv(y, x, heart.rv_wall_mm), heart.outside_epicardium(y, x))
    uneven = wave(around, rng.normal(0, 1.5, 4), rng.uniform(0, 6.3, 4), 1)
    thickness = rng.uniform(0.5, 2.5) + rng.uniform(1, 5) * np.clip(np.cos(around - heart.septum_rad) + 0.5, 0, 1)
    for side in (-1, 1):
        turned = (around - heart.septum_rad - side * heart.half_arc_rad + np.pi) % (2 * np.pi) - np.pi
        thickness = thickness + rng.uniform(2, 7) * np.exp(-((turned / 0.3) ** 2))
    fat = coverage(shell - np.clip(thickness + uneven, 0, None))
    patchy = np.clip(0.7 + 0.4 * smooth_noise(rng, canvas.shape, 3 / step_mm), 0, 1)
    canvas.paint("fat", (fat * patchy).astype(np.float32))


def paint_chest_wall(canvas: Canvas, patient: Patient, heart: Heart, y, x) -> np.ndarray:
    """What does not move: painted on an empty canvas. Returns its share of each sample (H, W)."""
    rng = np.random.default_rng([patient.seed, 5])
    step_mm = float(x[0, 1] - x[0, 0])
    heart_left = heart.radius_mm + patient.rv_depth_mm + 6
    left, right = heart_left + rng.uniform(0, 22), rng.uniform(125, 165)
    top, bottom = heart.radius_mm + rng.uniform(35, 85), rng.uniform(170, 260)
    center = (rng.uniform(-10, 25), (right - left) / 2)
    lean = rng.uniform(-0.1, 0.45)  # the chest wall leans over the heart from the upper left
    dy, dx = y - center[0], x - center[1] + lean * (y - center[0])
    dy, dx = dy / np.where(dy < 0, top + center[0], bottom), dx / ((left + right) / 2)
    angle = np.arctan2(dy, dx)
    scale = 1 + wave(angle, rng.normal(0, 0.02, 4), rng.uniform(0, 6.3, 4))
    boxy = rng.uniform(2.0, 2.7)
    depth = (
        (np.abs(dy) ** boxy + np.abs(dx) ** boxy) ** (1 / boxy) / scale - 1
    ) * 110  # about mm outward of the pleura
    heart_mm = np.minimum(heart.outside_rv(y, x, heart.rv_wall_mm), heart.outside_epicardium(y, x))
    depth = np.minimum(depth, heart_mm - 2)  # the wall makes room for the heart
    muscle = rng.uniform(7, 16) + wave(angle, rng.normal(0, 3, 3), rng.uniform(0, 6.3, 3), 1)
    muscle = np.clip(muscle, 5, None) + rng.uniform(10, 30) * np.clip(np.cos(angle - 0.2), 0, 1) ** 2
    skin = np.clip(rng.uniform(8, 32) + wave(angle, rng.normal(0, 6, 3), rng.uniform(0, 6.3, 3), 1), 3, None)
    canvas.paint("air", np.ones(canvas.shape, np.float32))
    if patient.arms:
        for side in (-1, 1):
            arm = ellipse(y, x, (center[0] + 40, center[1] + side * ((left + right) / 2 + 85)), (32, 40))
            canvas.paint("fat", coverage(arm))
            canvas.paint("muscle", coverage(arm + 7))
    canvas.paint("fat", coverage(depth - muscle - skin))
    canvas.paint("muscle", coverage(depth - muscle - skin) * np.exp(-(((depth - muscle - skin) / 1.5) ** 2)))
    strands = smooth_noise(rng, canvas.shape, 1.5 / step_mm)
    canvas.paint("muscle", coverage(depth - muscle - skin) * np.clip(strands - 1.5, 0, 0.4).astype(np.float32))
    canvas.paint("muscle", coverage(depth - muscle))
    ribs = np.cos(angle * rng.uniform(14, 20) + rng.uniform(0, 6)) + 0.4 * smooth_noise(rng, canvas.shape, 6 / step_mm)
    middle = np.exp(-(((depth - muscle * 0.35) / (0.22 * muscle)) ** 4))
    canvas.paint("air", (np.clip(ribs * 2, 0, 0.7) * middle).astype(np.float32))
    core = np.exp(-(((depth - muscle * 0.35) / (0.15 * muscle)) ** 4))
    canvas.paint("marrow", (np.clip(ribs * 2 - 0.6, 0, 1) * core).astype(np.float32))
    sheets = depth / muscle + 0.06 * smooth_noise(rng, canvas.shape, 8 / step_mm)
    sheet = np.exp(-(((sheets - rng.uniform(0.6, 0.75)) / 0.07) ** 2)) * rng.uniform(0.3, 0.9)
    canvas.paint("fat", sheet.astype(np.float32))
    spine = ellipse(y, x, (center[0] + rng.uniform(10, 50), center[1] + (left + right) / 2 + 14), (20, 18))
    canvas.paint("marrow", coverage(spine))
    cavity = coverage(depth)
    for tissue in canvas.amounts:
        canvas.amounts[tissue] = canvas.amounts[tissue] * (1 - cavity)
    return 1 - cavity
