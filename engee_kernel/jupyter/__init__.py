"""The kernel as front ends see it: messages, settings, questions."""
