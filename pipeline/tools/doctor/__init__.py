"""Looks at an installation: what is there, what is amiss, which command mends it.

It has to work where packages are missing or broken. So nothing here needs more than the standard library; what is
installed is read from metadata, and TensorFlow, TFX and the like are imported in a process of their own.
"""
