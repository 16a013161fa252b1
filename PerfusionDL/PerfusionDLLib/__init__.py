"""Quantitative myocardial perfusion MRI: what was measured, what is where, what it means, what is reported.

The Python API is ``read_study``, ``preprocess``, ``quantify`` and ``summarize`` (module `api`). It is loaded on first
use, so that Slicer and the command line start without it.
"""

import importlib
from typing import Any

__version__ = "0.1.0"
NOTICE = "Not approved for clinical use"
"""Stands on the README, the panel and every export."""

_API = ("preprocess", "quantify", "read_study", "summarize")
__all__ = ["NOTICE", "__version__", *_API]


def __getattr__(name: str) -> Any:
    """A function of the API, on its first use."""
    if name not in _API:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(".api", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_API})
