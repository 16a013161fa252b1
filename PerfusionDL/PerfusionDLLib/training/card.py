"""Weights written with the card that describes them."""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..networks import Network, shipped_thresholds
from ..networks.unet import UNet
from .fit import ARCHITECTURE
from .losses import HEAT_SD_PX
from .synthetic.samples import CLOSER, COARSE, CROP, FRAMES, MOMENTS, WIDE

_SHARED = {
    "license": "Apache-2.0",
    "intended_use": "Research on first-pass myocardial perfusion MRI. Not approved for clinical use.",
    "training_data": "Images drawn at random by `training` (domain randomization); no patients, no phantom",
    "limits": [
        "Short-axis slices near the peak of LV enhancement; long-axis views and cine images were not trained on.",
        "Hearts with an epicardial radius of 16 to 50 mm and a wall of 3.5 to 20 mm.",
        "A myocardium that does not close around the cavity (outflow tract) is closed all the same.",
    ],
}
_LABELS = ["background", "myocardium", "LV blood pool with papillary muscles", "RV blood pool"]
_STEPS: dict[str, dict[str, Any]] = {
    "peak": {
        "grid": COARSE,
        "sees": f"the whole series, or a part of the image and of the frames, resampled linearly to {FRAMES} frames",
        "closer_spacing_mm": CLOSER.spacing_mm,
        "output": {"kind": "labels", "channels": ["background", "LV blood pool", "RV blood pool"]},
    },
    "box": {
        "grid": WIDE,
        "sees": "the peak frame, centered on the image",
        "output": {"kind": "labels", "channels": _LABELS},
    },
    "labels": {
        "grid": CROP,
        "sees": f"aligned images, centered on the box: {', '.join(MOMENTS)}",
        "output": {"kind": "labels", "channels": _LABELS},
    },
    "points": {
        "grid": CROP,
        "sees": f"aligned images, centered on the heart: {', '.join(MOMENTS)}",
        "output": {
            "kind": "heat maps",
            "channels": ["insertion point where the septum begins clockwise on the screen", "the one where it ends"],
            "trained_with_sd_px": HEAT_SD_PX,
        },
    },
}


def write_network(
    net: UNet, step: str, folder: Path, *, training: Mapping[str, Any], scores: Mapping[str, Any]
) -> Path:
    """Write ``<step>.pt`` (half precision) and its card ``<step>.json``; returns the card's path."""
    content = encode_weights(net)
    weights = folder / f"{step}.pt"
    weights.write_bytes(content)
    about = _STEPS[step]
    card = {
        "name": step,
        "version": __version__,
        "weights": weights.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "architecture": ARCHITECTURE[step],
        "input": {
            "sees": about["sees"],
            "spacing_mm": about["grid"].spacing_mm,
            "size": about["grid"].size,
            "scaled_to_percentile": 99,
            "scaled_each_channel": about["grid"] is CROP,
            **({"closer_spacing_mm": about["closer_spacing_mm"]} if "closer_spacing_mm" in about else {}),
        },
        "output": {**about["output"], "mirror_swaps_channels": about["output"]["kind"] == "heat maps"},
        "thresholds": shipped_thresholds(step),
        "training": dict(training),
        "scores": dict(scores),
        **_SHARED,
    }
    path = folder / f"{step}.json"
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return path


def write_further(network: Network, folder: Path, *, training: dict, scores: dict) -> None:
    """Write weights with the card they had, which says what came after."""
    name, content = network.card["name"], encode_weights(network.module)
    (folder / network.card["weights"]).write_bytes(content)
    card = dict(network.card) | {
        "version": __version__,
        "sha256": hashlib.sha256(content).hexdigest(),
        "training": {"before": network.card["training"], "then": training},
        "training_data": f"{network.card['training_data']}; then {training['corrected']}",
        "scores": scores,
    }
    if "calibration" in card:
        card["calibration"] = {**card["calibration"], "counted_on": "the network this one started from"}
    (folder / f"{name}.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def encode_weights(net: torch.nn.Module) -> bytes:
    """The weights of a network as a file holds them, in half precision."""
    file = io.BytesIO()
    state = {
        name: values.half() if values.is_floating_point() else values for name, values in net.cpu().state_dict().items()
    }
    torch.save(state, file)
    return file.getvalue()
