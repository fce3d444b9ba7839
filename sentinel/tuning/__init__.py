"""Which settings suit a history, found by trying them. Pure: the caller reads, shows and writes.

A model is chosen first, then the alert settings of that one model. With labels, a model by the
VUS-PR of its scores and alert settings by the F1 of their episodes, both on the older part of the
readings; what is reported is of the newer part, which nothing was chosen by: choosing the best of
many by the numbers that are then reported makes them too good (Cawley & Talbot, "On over-fitting in
model selection and subsequent selection bias in performance evaluation", JMLR 11, 2010).

Without labels, a model by its error on readings of the history that did not train it: what it
forecasts badly it cannot judge. (Dawid, "Statistical theory: the prequential approach", JRSS A 147,
1984; Goswami et al., "Unsupervised model selection for time-series anomaly detection", ICLR 2023,
find it one of the three surrogates that go with detection.) And the lowest threshold at which
healthy readings cause no more episodes than are wanted: of all tests with so many false alarms, the
most powerful one (Neyman & Pearson, 1933). Too few of them never lower a threshold.

Settings are drawn at random from a small grid, the defaults first: where few settings matter, and
nobody knows which, that beats the grid (Bergstra & Bengio, "Random search for hyper-parameter
optimization", JMLR 13, 2012).
"""
