"""What models are trained to lower, and the temperature of their probabilities."""
