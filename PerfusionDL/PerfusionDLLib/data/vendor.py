"""Whose way of writing DICOM a phantom study is written in; named here so that no help text needs pydicom."""

from enum import StrEnum


class Vendor(StrEnum):
    """Whose way of writing DICOM."""

    SIEMENS = "siemens"
    PHILIPS = "philips"
    GE = "ge"
    ENHANCED = "enhanced"
    CANON = "canon"
    UNITED_IMAGING = "united-imaging"
    SIEMENS_INTEROPERABLE = "siemens-interoperable"
    SIEMENS_XA = "siemens-xa"
    PHILIPS_ENHANCED = "philips-enhanced"
