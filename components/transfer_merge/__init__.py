"""TransferMerge: labelled rows and a teacher's as one train split."""
