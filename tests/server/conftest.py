"""What the tests of this folder share; see `kernels`."""

from kernels import start_kernel

__all__ = ["start_kernel"]
