"""TFX components, one folder each: `component.py` says what goes in and out, `executor.py` does it."""
