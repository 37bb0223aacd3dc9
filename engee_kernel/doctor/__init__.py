"""The checks of `engee-kernel doctor`: `local` (this machine), `network` (the way to Engee), `service` (Engee)."""
