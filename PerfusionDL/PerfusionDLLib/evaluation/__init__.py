"""How good the results are: agreement of two readings, scores of the networks, calibration, series of other things."""
