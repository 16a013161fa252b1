"""Images drawn at random for training: heart, thorax, contrast agent and scanner, with a forward model of their own."""
