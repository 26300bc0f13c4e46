"""Signatures and SavedModels."""
