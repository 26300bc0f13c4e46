"""HTML and wiki markup, and the text in it."""
