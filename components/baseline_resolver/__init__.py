"""BaselineResolver: the model in service, as an artifact that an evaluation can compare with."""
