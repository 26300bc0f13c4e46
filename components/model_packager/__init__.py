"""ModelPackager: the model with a card that says what it is, how it was made and how good it is."""
