"""What the DICOM reader decided or doubts, and what files of another version say."""

from .severity import Severity, Wording

READING = {
    "read_as": Wording(
        Severity.NOTE,
        "what the DICOM reader decided or had to assume",
        "{found}",
    ),
    "acquisition_uncertain": Wording(
        Severity.UNRELIABLE,
        "headers contradict each other on field strength, contrast agent or dose, or a doubt of another version",
        "{found}",
    ),
    "clock_uncertain": Wording(
        Severity.UNRELIABLE,
        "when frames were acquired, or in which order, is guessed, or clocks disagree",
        "{found}",
    ),
    "images_missing": Wording(
        Severity.UNRELIABLE,
        "images of the scan are lost, or cannot be used",
        "{found}",
    ),
    "series_left_out": Wording(
        Severity.UNRELIABLE,
        "a slice or a series that looks like perfusion cannot be used",
        "{found}",
    ),
    "stored_values_uncertain": Wording(
        Severity.UNRELIABLE,
        "values of the pixels are cut off, scaled unevenly, negative, compressed with loss, or change within the scan",
        "{found}",
    ),
    "geometry_uncertain": Wording(
        Severity.UNRELIABLE,
        "images are turned over or lie in another slice than headers say, or the size of their pixels is guessed",
        "{found}",
    ),
    "sequence_uncertain": Wording(
        Severity.UNRELIABLE,
        "values of the sequence differ within the scan, or its signal model is another one",
        "{found}",
    ),
    "condition_uncertain": Wording(
        Severity.UNRELIABLE,
        "which scan is rest and which is stress is guessed, or contradicted by heart rates",
        "{found}",
    ),
    # Files and scenes of another version
    "other_version": Wording(
        Severity.CHECK,
        "a finding of another version of PerfusionDL, of which the text is known",
        "{sentence}",
    ),
}
