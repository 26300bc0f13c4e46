"""Compiles pipelines for Kubeflow, submits them there, and replays them on one machine."""
