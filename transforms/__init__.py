"""Pure text and record functions: parsing, splitting, cleaning, tokenization."""
