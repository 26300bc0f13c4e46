"""`preprocessing_fn`s that TextTransform runs, one module a task.

TFX reloads modules named in import paths, so these hold no state and register nothing.
"""
