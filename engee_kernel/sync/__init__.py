"""One way from a folder here to one in Engee: edit here, run there.

`exclusions` and `source` say which files there are here, `manifest` what was sent before, `comparison` what follows
from both and from what is in Engee, `rounds` does it once, `watching` on each save.
"""
