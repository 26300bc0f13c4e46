"""Texts with a label, or several."""
