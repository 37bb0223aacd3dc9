"""One cell's life between Jupyter and Engee."""
