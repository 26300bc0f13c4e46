"""What is served: signatures, what a model says of itself, saving, and predicting with what was saved."""
