"""Schedules, progress and resumable training."""
