"""``python -m PerfusionDLLib.cli``."""

from . import main

main()
