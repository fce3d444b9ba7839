"""The demo: real data with known failures, replayed, and what was caught of them.

The data is NAB's `machine_temperature_system_failure` (MIT, see `data/NOTICE`): the temperature of
a large industrial machine, every five minutes from 2013-12-02 to 2014-02-19.

No real series of many channels ships: SKAB's licence is the GPL-3, and SMD, ASD (both MIT) and SMAP
are kept for judging the detector. One series suffices to show the whole way of a reading; for many
channels and machines there is a made-up plant, `pumps`, on the disk of whoever asks for it.
"""
