"""Perfusion studies from whatever DICOM files scanners, archives and anonymizers leave."""
