"""The Engee server's life: start, stop, time left, and what a person wants to know of it."""
