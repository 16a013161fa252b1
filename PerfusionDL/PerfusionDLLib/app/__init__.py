"""Where results, report and scene meet: a study from its DICOM files to everything that is written about it."""
