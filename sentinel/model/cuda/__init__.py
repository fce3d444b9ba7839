"""The twins of `WindowScorer`, `StateCarrier` and `Trainer` on an NVIDIA GPU. Only on demand.

`model.backends` makes each, by the kind of the backend. Rows and windows come from the CPU's
rings at every call: the rows that windows span cross the bus once a call, however many windows
share them.
"""
