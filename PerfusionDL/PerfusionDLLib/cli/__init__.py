"""The command line ``perfusiondl``."""

from .commands import app, main

__all__ = ["app", "main"]
