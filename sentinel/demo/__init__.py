"""The demo: real data with known failures, replayed, and what was caught of them.

The data is NAB's `machine_temperature_system_failure` (MIT, see `data/NOTICE`): the temperature of
a large industrial machine, every five minutes from 2013-12-02 to 2014-02-19.
"""
