"""What language models are trained to lower."""
