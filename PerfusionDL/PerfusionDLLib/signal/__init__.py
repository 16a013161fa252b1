"""From signal to concentration: the saturation-recovery signal model and its noise."""
