"""EvaluationReport: one HTML file that shows how good a model is, and tables of its errors and scores."""
