"""TextTransform: TFX Transform with a tokenizer."""
