"""Results as DICOM objects for the archive: SEG, Parametric Map, Structured Report, PDF."""
