"""Engee's HTTP API: what its requests and replies mean, and the client that sends them."""
