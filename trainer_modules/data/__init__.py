"""Streams transformed examples into batches."""
