"""How far texts that a server was sent differ from those of the training."""
