"""sentinel: streaming anomaly detection for sensor readings in Kafka.

The folders are the stages of the river, and the floors of the house; a module imports only
downward, and siblings on one floor never import each other (import-linter holds this):

=====  =======================================================================
floor
=====  =======================================================================
F7     cli: one file per verb; `cli/wiring.py` is the only composition root
F6     daemon | source | sink | metrics | store | runtime | broker | demo | report
F5     ports | config
F4     tuning: which settings suit a history
       detector | fitting
       snapshot: all that a detector remembers
       scorers: how each kind of model scores
       fitted: the model as one value
F3     window | model | score | alert | backtest
F2     entities: what is remembered of each, grown, forgotten, copied and restored in one way
F1     kernels
F0     records | errors | plural
=====  =======================================================================

F0 to F4 are pure: values in, values out, time is an argument. The daemon knows ports only.
"""

__version__ = "0.1.0"
