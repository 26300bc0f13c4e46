"""Stages of ingestion: one pure function of a text each, and the order in which they are called."""
