"""How a fitted model scores a run of readings: one file for each way, one shape of what they give.

`plain` scores windows by what the autoencoder cannot rebuild. `recipe` judges every reading by
several kinds of error, measured in `measuring`; `sentinel.fitting` learns from the same measuring
what is usual.
"""

from sentinel.fitted import FittedModel
from sentinel.model.device import Device
from sentinel.scorers.plain import PlainScorer
from sentinel.scorers.recipe import RecipeScorer
from sentinel.scorers.run import Scorer


def make_scorer(model: FittedModel, window_stride: int, backend: Device) -> Scorer:
    """The scorer of a model's kind, with every kernel compiled or loaded.

    window_stride  readings from one scored or rebuilt window of an entity to the next
    """
    if model.recipe is not None:
        return RecipeScorer(
            model.parameters, model.window_length, window_stride, model.recipe, backend
        )
    assert model.error_scale is not None
    return PlainScorer(model.parameters, model.window_length, model.error_scale, backend)
