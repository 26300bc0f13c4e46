"""HeldOutScorer: the one look at the test split."""
