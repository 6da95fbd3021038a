"""R1: studios and workers are killed with SIGKILL, at random and at named points, while clients submit tasks.

`python -m tests.torture --kills 60 --tasks 1500` from the root of the repository. See `supervisor` for who does
the killing, `crashes` for the named points, `child` for a studio with its clients, `checks` for what must hold.
"""
