"""Removes what no run needs any more."""
