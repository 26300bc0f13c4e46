"""Looks at data that nobody has described, and proposes a configuration that runs on it as it is."""
