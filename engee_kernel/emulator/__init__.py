"""The local Engee: Engee's HTTP contract on loopback, with a real Julia behind it.

It imports nothing from the rest of this package. The contract is restated here, so that one misreading of Engee's API
page cannot hide in both the client and the server that it is tested against.
"""
