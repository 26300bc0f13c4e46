"""ModelTrainer: trains a model, with settings of the run."""
