"""Files in which stages write down what they found, for later stages and for people."""
