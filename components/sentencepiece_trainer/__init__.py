"""SentencePieceTrainer: examples in, tokenizer out."""
