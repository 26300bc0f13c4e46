"""VersionedPusher: puts a blessed model where TensorFlow Serving finds it, as a version that can be taken back."""
