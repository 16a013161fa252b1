"""The values that travel along the chain: what was measured, what is where, what it means, what is reported."""
