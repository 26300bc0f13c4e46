"""Rows of an input beside what a model says of them: one row out for each row in, in their order."""
