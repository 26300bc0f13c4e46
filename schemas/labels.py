"""Labels that look the same are the same."""

import unicodedata


def composed(label: str) -> str:
    """A label with its accents composed with their letters, as Unicode's NFC says."""
    return unicodedata.normalize("NFC", label)
