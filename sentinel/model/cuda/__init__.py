"""The twins of `WindowScorer`, `CarriedStates` and `Trainer` on an NVIDIA GPU. Only on demand.

`model.backends` makes each, by the kind of the backend. A stream's rings stand on the device as
on the CPU: of a call only the new rows cross the bus, and no window is ever materialised. Of a
history, the rows that windows span cross it once a call, however many windows share them. Carried
states stay on the device until somebody wants to see them.

`failures` turns what the driver says into errors for operators; `model.falling_back` lets the CPU
take over.
"""
