"""How a fitted model scores a run of readings: one file for each way, one shape of what they give.

`plain` scores windows by what the autoencoder cannot rebuild. `recipe` judges every reading by
several kinds of error, measured in `measuring`; `sentinel.fitting` learns from the same measuring
what is usual.
"""

from sentinel.fitted import FittedModel
from sentinel.model.prepared import Backend
from sentinel.scorers.plain import PlainScorer
from sentinel.scorers.recipe import RecipeScorer
from sentinel.scorers.run import Scorer


def make_scorer(model: FittedModel, backend: Backend) -> Scorer:
    """The scorer of a model's kind, with every kernel compiled or loaded."""
    if model.recipe is not None:
        return RecipeScorer(model.parameters, model.window_length, model.recipe, backend)
    assert model.error_scale is not None
    return PlainScorer(model.parameters, model.window_length, model.error_scale, backend)
