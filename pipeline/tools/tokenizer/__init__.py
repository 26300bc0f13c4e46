"""What `ulmfit-tfx tokenizer` does: reads texts, trains, encodes, measures, and says what a tokenizer is."""
