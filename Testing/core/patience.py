"""How long a test waits for another program before it gives up."""

PATIENCE_S = 600
"""Chosen: a busy machine may be ten times slower than an idle one; whoever waits goes on as soon as it happened."""
