"""What the tests of this folder share; see `person`."""

from person import profile

__all__ = ["profile"]
