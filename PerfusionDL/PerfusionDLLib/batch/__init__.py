"""Cohorts: the door behind ``perfusiondl batch``, on the cores of this machine or on a cluster.

Needs the extra ``batch`` (dask.distributed), which Slicer does not have; import it inside the function that opens it.
"""
