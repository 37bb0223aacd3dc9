"""The local Engee: Engee's HTTP contract on loopback, with a real Julia behind it.

It imports nothing from the rest of this package. The contract is restated here, so that one misreading of Engee's API
page cannot hide in both the client and the server that it is tested against.

Its floors, from the ground up. A module imports from its own floor and those below it, and no two form a circle
(tests/emulator/test_floors.py reads this table):

| floor | modules |
|---|---|
| settings | settings, faults, moments |
| storage | tokens, consents, log, jobs, paths, userfolder, screen, outcomes |
| Julia | julia, failures, official, debian, install, warden, launch, session, workload, server |
| answers | connections, replies, context, pages |
| routes | code, uploads, downloads, management, oauth, control, tab, account, gateway |
| app | gate, app |
| service | service |
| command | command, process |

The Julia side is in `julia/`: `session.jl` answers requests; `streams.jl`, `tab.jl` and `background.jl` are the life
that Engee itself has in its process, loaded where a switch asks for it.
"""
