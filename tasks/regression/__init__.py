"""Texts with numbers."""
