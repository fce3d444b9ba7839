"""The score from which a reading is odd: one rule a file.

A rule begins from the calibration scores of a model, (M,) in the order of time, without NaN: what
the model says of normal readings that it was not fitted on. From there on, rules that follow the
stream keep a state for each entity, as arrays over entities, of a size that never grows:

    constant  calibrated, the model's own threshold; quantile, of the calibration scores    0 B
    mad       median and median absolute deviation, both followed                           16 B
    pot       the tail of the peaks over a high quantile                                  1.6 kB
    dspot     the same above a moving average                                             2.7 kB
    dynamic   what parts the recent scores best into usual and odd                        8.2 kB

The threshold of a reading rests on earlier scores only, and does not depend on how the stream is
cut into batches. Nothing falls below a thousandth of the calibrated threshold, so a ratio can
always be taken. A score at the threshold is odd.
"""

from sentinel.alert.thresholds.rule import Threshold, ThresholdSettings, make_threshold
from sentinel.alert.thresholds.tail import TAIL_SHARE, tail_threshold

__all__ = ["TAIL_SHARE", "Threshold", "ThresholdSettings", "make_threshold", "tail_threshold"]
