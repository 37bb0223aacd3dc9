"""The error that the ways of installing Julia share."""


class InstallError(Exception):
    """This way of getting Julia does not work here; the message says why."""
