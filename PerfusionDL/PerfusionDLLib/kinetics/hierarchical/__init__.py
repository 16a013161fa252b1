"""Flow models whose priors are learned from the study: what the scan says about its tissue."""
