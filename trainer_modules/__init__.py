"""Layers, models, training and export; the modules directly here hold the `run_fn`s that TFX's Trainer calls."""
