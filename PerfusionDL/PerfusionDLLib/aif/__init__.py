"""The arterial input function: where it is measured, what its curve looks like, and what was in the blood before."""
