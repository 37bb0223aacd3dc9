"""A Jupyter kernel that runs each notebook cell remotely in Engee."""

__version__ = "0.1.0"
