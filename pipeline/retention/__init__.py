"""What `ulmfit-tfx clean` does: finds what a run folder keeps, tells what is needed from what may go, removes it."""
