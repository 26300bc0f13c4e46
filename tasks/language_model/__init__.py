"""Texts alone: the next piece."""
