"""Logging in, and where tokens come from and are kept."""
