"""Packages that Slicer does not bring along, asked for at the moment they are needed."""

import importlib.util

from slicer.i18n import tr as _

from ..data.errors import PerfusionError

TORCH = ">=2.6"


def loadNetworks():
    """The trained networks that come with the extension, on the graphics card where there is one."""
    from ..networks import choose_device, load_networks

    return load_networks(device=choose_device("auto"))


def ensureTorch() -> None:
    """Offer to install PyTorch where it is missing. Raises PerfusionError where it stays missing."""
    if importlib.util.find_spec("torch"):
        return
    try:
        import PyTorchUtils

        installed = PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=True, torchVersionRequirement=TORCH)
    except ModuleNotFoundError:
        installed = None
    if installed is None:
        raise PerfusionError(
            _("Automatic contours need PyTorch, which is not installed."),
            _("Install the PyTorch extension and try again, or press Draw by hand: all else works without PyTorch."),
        )


def ensureMatplotlib(requirements: str) -> None:
    """Offer to install what the report is drawn with, where it is missing."""
    if importlib.util.find_spec("matplotlib") is None:
        import slicer.packaging

        slicer.packaging.pip_ensure(slicer.packaging.load_requirements(requirements), requester="PerfusionDL")
