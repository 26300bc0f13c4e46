"""Parsers: a stream of lines in, one `Row` or `Refusal` a record out."""
