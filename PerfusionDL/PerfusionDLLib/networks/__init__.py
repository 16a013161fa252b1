"""The trained networks of the four steps, each described by the model card beside its weights.

Input spacing, size and scaling come from the card; no code has a second copy of them. PyTorch is needed by
`load_networks`, not by importing this file.
"""

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.errors import PerfusionError
from .joining import POSES, join_answers, pose, pose_back

STEPS = ("peak", "box", "labels", "points")
SHIPPED = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class Network:
    """One trained network and its card."""

    card: Mapping[str, Any]
    module: Any
    device: str = "cpu"

    @property
    def spacing_mm(self) -> float:
        """Pixel size that the network was trained on."""
        return self.card["input"]["spacing_mm"]

    @property
    def closer_spacing_mm(self) -> float:
        """Pixel size of a closer look, of a network that was trained on that too."""
        return self.card["input"]["closer_spacing_mm"]

    @property
    def size(self) -> int:
        """Rows and columns of its input."""
        return self.card["input"]["size"]

    @property
    def channels(self) -> int:
        """Channels of its input; more than one are frames or average_phases in time."""
        return self.card["architecture"]["channels_in"]

    def scaled(self, image: np.ndarray) -> np.ndarray:
        """An image (channels, Y, X) as bright as the network is used to: its channels together, or each by itself."""
        about = self.card["input"]
        axis = (1, 2) if about.get("scaled_each_channel") else None
        scale = np.percentile(image, about["scaled_to_percentile"], axis=axis, keepdims=True)
        return np.clip(image / np.maximum(scale, 1e-6), 0, 4).astype(np.float32)

    def threshold(self, name: str) -> float:
        """A threshold on the outputs of the network; the card says on which of them, what follows, and its source."""
        return self.card["thresholds"][name]["value"]

    def confidence(self, certainty: float) -> float:
        """How often an answer given with this ``certainty`` (0 to 1) was good on phantoms, 0 to 1.

        What good means, and on what it was counted, stands in the card; a card without a count promises what it says.
        """
        counted = self.card.get("calibration")
        if counted is None:
            return round(float(certainty), 3)
        certainty = float(np.clip(certainty, 1e-3, 1 - 1e-3))
        log_odds = counted["slope"] * np.log(certainty / (1 - certainty)) + counted["offset"]
        return round(float(1 / (1 + np.exp(-log_odds))), 3)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Answer to one image, or to several of the same anatomy joined by their geometric mean.

        images : ([image,] channels, size, size), any linear scale
        returns (outputs, size, size) float32 probabilities: over the outputs of each pixel (labels), or over the pixels
        of each output (heat maps), as the card says
        """
        return join_answers(self.answers(images), heat_maps=self._says_heat_maps)

    @property
    def _says_heat_maps(self) -> bool:
        return self.card["output"]["kind"] == "heat maps"

    def answers(self, images: np.ndarray) -> np.ndarray:
        """(image, outputs, size, size) answers to the images one by one, averaged over mirrored and rotated poses.

        One image is shown in all of its eight poses, each of two or three in four, each of more in two: together they
        are seen in all.
        """
        import torch

        images = images[None] if images.ndim == 3 else images
        expected = (self.channels, self.size, self.size)
        if images.shape[1:] != expected:
            raise ValueError(f"the {self.card['name']} network takes {expected}, got {images.shape[1:]}")
        images = np.stack([self.scaled(image) for image in images])
        heat_maps = self._says_heat_maps
        shares = 1 if len(images) == 1 else 2 if len(images) < 4 else 4
        found = []
        for number, image in enumerate(images):
            poses = POSES[number % shares :: shares]
            batch = torch.from_numpy(np.stack([pose(image, *each) for each in poses]))
            with torch.inference_mode():
                logits = self.module(batch.to(self.device, memory_format=torch.channels_last)).float()
                flat = logits.flatten(2)
                answers = torch.softmax(flat, dim=2 if heat_maps else 1).view(logits.shape).cpu().numpy()
            swap = self.card["output"]["mirror_swaps_channels"]
            back = [pose_back(answer, *each, swap) for answer, each in zip(answers, poses, strict=True)]
            found.append(np.mean(back, axis=0))
        return np.stack(found)


@dataclass(frozen=True)
class Networks:
    """The four networks of preprocessing.

    weights_sha256 : of all weights and of what in their cards changes results, for the provenance of every result
    """

    peak: Network
    box: Network
    labels: Network
    points: Network
    weights_sha256: str


def load_networks(folder: Path | None = None, device: str = "cpu") -> Networks:
    """The networks whose cards lie in ``folder`` (the shipped ones if None), in evaluation mode.

    Raises PerfusionError if PyTorch is missing, a card is missing, or weights are not those its card was written for.
    """
    folder = SHIPPED if folder is None else Path(folder)
    loaded = {step: _load_network(folder / f"{step}.json", device) for step in STEPS}
    return Networks(**loaded, weights_sha256=weights_sha256(folder))


def weights_sha256(folder: Path | None = None) -> str:
    """The hash of all weights, and of what in their cards changes results, in ``folder`` (the shipped ones if None).

    Input, output, architecture, calibration and thresholds change results; what describes the network to people does
    not. PyTorch is not needed. Raises PerfusionError where a card is missing.
    """
    folder = SHIPPED if folder is None else Path(folder)
    together = [_what_changes_results(_card(folder / f"{step}.json")) for step in STEPS]
    return hashlib.sha256(json.dumps(together, sort_keys=True).encode()).hexdigest()


def _what_changes_results(card: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a card that the program computes with, without their sentences for people."""
    parts = {part: card[part] for part in ("sha256", "architecture", "input", "output")}
    calibration = card.get("calibration", {})
    return parts | {
        "input": {name: value for name, value in card["input"].items() if name != "sees"},
        "calibration": {name: calibration[name] for name in ("slope", "offset") if name in calibration},
        "thresholds": {name: about["value"] for name, about in card["thresholds"].items()},
    }


def choose_device(wanted: str = "auto") -> str:
    """Where the networks run: ``wanted``, or the fastest device there is for "auto".

    Raises PerfusionError if the device is not there.
    """
    torch = _torch()
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    if not there.get(wanted, False):
        raise PerfusionError(f"The device {wanted!r} is not available on this computer.", "Choose auto or cpu.")
    return wanted


def _torch():
    try:
        import torch
    except ModuleNotFoundError as error:
        raise PerfusionError(
            "Automatic contours need PyTorch, which is not installed.",
            "Install it with the PyTorch extension, or draw the contours by hand: everything else works without it.",
        ) from error
    return torch


def _card(path: Path) -> dict[str, Any]:
    """A card whose fields are there and of their kind; thresholds that it lacks are those of the shipped network."""
    try:
        card = json.loads(_stored(path))
    except ValueError as error:
        raise _damaged_card(path, "it is no JSON") from error
    wrong = [name for name, fits in _FIELDS.items() if not _fits(card, name, fits)]
    wrong += [name for name, fits in _OPTIONAL.items() if not _fits(card, name, fits, missing=True)]
    if wrong:
        raise _damaged_card(path, f"{wrong[0].replace('.', ' ')} is missing or no value that it can have")
    return card | {"thresholds": shipped_thresholds(card["name"]) | card.get("thresholds", {})}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 4096


def _are_counts(value: object) -> bool:
    return isinstance(value, list) and 0 < len(value) <= 8 and all(map(_is_count, value))


def _is_calibration(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), int | float) for name in ("slope", "offset"))


_FIELDS: Mapping[str, Callable[[object], bool]] = {
    "name": lambda value: value in STEPS,
    "weights": lambda value: isinstance(value, str) and Path(value).name == value and value not in ("", ".", ".."),
    "sha256": lambda value: isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef"),
    "input.spacing_mm": _is_number,
    "input.size": _is_count,
    "input.scaled_to_percentile": lambda value: isinstance(value, int | float) and _is_number(value) and value <= 100,
    "architecture.channels_in": _is_count,
    "architecture.channels_out": _is_count,
    "architecture.widths": _are_counts,
    "output.kind": lambda value: isinstance(value, str),
    "output.mirror_swaps_channels": lambda value: isinstance(value, bool),
}
"""What every card says, by its place in the card, and what values it can have."""
_OPTIONAL: Mapping[str, Callable[[object], bool]] = {
    "calibration": _is_calibration,
    "thresholds": lambda value: isinstance(value, dict),
    "input.closer_spacing_mm": _is_number,
}


def _fits(card: object, name: str, fits: Callable[[object], bool], *, missing: bool = False) -> bool:
    value = card
    for key in name.split("."):
        if not isinstance(value, dict):
            return False
        if key not in value:
            return missing
        value = value[key]
    return fits(value)


def _damaged_card(path: Path, what: str) -> PerfusionError:
    return PerfusionError(
        f"The network card {path.name} is damaged: {what}.",
        "Reinstall the PerfusionDL extension, or choose a folder that `perfusiondl train` has written.",
    )


def shipped_thresholds(step: str) -> dict[str, Any]:
    """The thresholds on the outputs of the shipped network of a step, each with what it is on and its source."""
    return json.loads(_stored(SHIPPED / f"{step}.json"))["thresholds"]


def _stored(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        raise PerfusionError(
            f"The network file {path.name} {'is missing' if missing else 'cannot be read'}.",
            "Reinstall the PerfusionDL extension, or choose a folder that `perfusiondl train` has written.",
        ) from error


def _load_network(card_path: Path, device: str) -> Network:
    card = _card(card_path)
    stored = _stored(card_path.with_name(card["weights"]))
    if hashlib.sha256(stored).hexdigest() != card["sha256"]:
        raise PerfusionError(
            f"The network file {card['weights']} is damaged or was replaced.", "Reinstall the PerfusionDL extension."
        )
    torch = _torch()
    from .unet import UNet

    try:
        module = UNet(**card["architecture"])
        state = torch.load(io.BytesIO(stored), map_location="cpu", weights_only=True)
        module.load_state_dict(
            {name: values.float() if values.is_floating_point() else values for name, values in state.items()}
        )
    except Exception:  # of any kind, with advice of PyTorch that must not be followed: it would let code run
        raise PerfusionError(
            f"The network file {card['weights']} does not hold the weights of the network that its card describes.",
            "Reinstall the PerfusionDL extension, or choose a folder that `perfusiondl train` has written.",
        ) from None
    module.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Network(card, module.eval(), device)
