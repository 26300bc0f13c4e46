"""`ulmfit-tfx tokenizer`: trains, applies and shows SentencePiece tokenizers, one module a subcommand."""
