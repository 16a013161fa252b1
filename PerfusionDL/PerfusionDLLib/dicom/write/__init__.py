"""Perfusion studies as the scanners of different vendors write them, for phantoms and tests."""
