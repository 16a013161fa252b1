"""Quantitative myocardial perfusion MRI: what was measured, what is where, what it means, what is reported."""

__version__ = "0.1.0"
NOTICE = "Not approved for clinical use"
"""Stands on the README, the panel and every export."""
