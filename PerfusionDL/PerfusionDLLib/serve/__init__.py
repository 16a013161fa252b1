"""A node beside the archive: the door behind ``perfusiondl serve``.

Needs the extra ``serve`` (dicomweb-client, and what ``batch`` needs), which Slicer does not have.
"""
