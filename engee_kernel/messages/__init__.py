"""A cell's output as Jupyter messages, for the kernel and for the Python extension."""
