"""What the files of a results folder are called, each name once: other people's scripts read them by these names."""

INDEX = "preprocessing.json"
SEGMENTS = "segments.csv"
TERRITORIES = "territories.csv"
TIDY = "tidy.csv"
TABLE = "table.json"
WORKBOOK = "table.xlsx"
REPORT = "report.pdf"
PAGE = "report.html"
CONTACT_SHEET = "contact_sheet.json"
SCENE = "scene.mrb"
DICOM = "dicom"
"""Folder with DICOM objects: of the results, and in a phantom study of its images."""

LABELS = "labels.nrrd"
FLOW = "mbf.nrrd"
CORRECTED = "corrected.seq.nrrd"
"""In the folder of each slice (`writing.named_slices`): contours, flow, and the series in one pose."""
DISPLACEMENT = "displacement.npz"
"""In the folder of each slice of a phantom's truth."""

TABLES = frozenset({SEGMENTS, TERRITORIES, TIDY, TABLE, WORKBOOK})
IMAGES = frozenset({LABELS, FLOW, CORRECTED})
