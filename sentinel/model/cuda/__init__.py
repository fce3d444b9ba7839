"""The twins of `WindowScorer` and `StateCarrier` on an NVIDIA GPU. Imported on demand only.

`model.backends` makes either, by the kind of the backend. Rows and windows come from the CPU's
rings at every call: the rows that windows span cross the bus once a call, however many windows
share them.
"""
