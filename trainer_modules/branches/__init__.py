"""Branches of a model of whole texts: linear models of counted terms and of vectors, beside the recurrent one."""
