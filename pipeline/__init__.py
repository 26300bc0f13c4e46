"""The pipeline graph, its local runner and the command line."""
