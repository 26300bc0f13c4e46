"""What data looks like: configuration, feature names, signature names, component specs, curated TFDV schemas.

Nothing here imports TensorFlow or TFX except `component_specs`, so that the command line stays quick.
"""
