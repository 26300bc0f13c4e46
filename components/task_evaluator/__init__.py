"""TaskEvaluator: scores a task model, alone and beside the one in service, and blesses it."""
