"""From preprocessed scans to flow maps and the table of AHA segments."""
