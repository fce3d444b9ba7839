"""The configuration of the alerts, a section of the one in `schema`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from sentinel.config.bounds import (
    ALERTS_PER_DAY_MAX,
    COUNT_MAX,
    DURATION_MAX_S,
    EXCEED_PROBABILITY_MIN,
    FACTOR_MAX,
    FACTOR_MIN,
)

ThresholdRule = Literal["calibrated", "quantile", "mad", "pot", "dspot", "dynamic"]


class AlertConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When an episode opens, is updated and resolves. 0 is mostly: as suits the kind of model."""

    threshold: Annotated[
        ThresholdRule,
        Meta(
            description="calibrated: the model's own; quantile: of its calibration scores. The "
            "others follow each entity: mad (median and deviation), pot (tail of the peaks), "
            "dspot (the same above a moving average), dynamic (Telemanom)"
        ),
    ] = "calibrated"
    threshold_scale: Annotated[
        float,
        Meta(
            ge=FACTOR_MIN,
            le=FACTOR_MAX,
            description="multiplies the threshold; above 1: fewer episodes",
        ),
    ] = 1.0
    exceed_probability: Annotated[
        float,
        Meta(
            ge=EXCEED_PROBABILITY_MIN,
            le=0.01,
            description="threshold quantile, pot, dspot: share of normal scores that lie above it",
        ),
    ] = 1e-4
    mad_count: Annotated[
        float,
        Meta(
            ge=FACTOR_MIN,
            le=FACTOR_MAX,
            description="threshold mad: so many standard deviations above the median",
        ),
    ] = 6.0
    open_count: Annotated[
        int,
        Meta(
            ge=0,
            le=64,
            description="an episode opens when so many of the open_window newest scores are at "
            "the threshold; 0: as suits the model, with open_window 0 too",
        ),
    ] = 0
    open_window: Annotated[
        int, Meta(ge=0, le=64, description="how many of the newest scores open_count looks at")
    ] = 0
    close_ratio: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="a score ratio below this counts towards the end (hysteresis); "
            "0: as suits the model",
        ),
    ] = 0.0
    close_count: Annotated[
        int,
        Meta(
            ge=0,
            le=COUNT_MAX,
            description="consecutive scores below close_ratio that resolve an episode; more of "
            "them make one of episodes close together; 0: as suits the model",
        ),
    ] = 0
    fade_ratio: Annotated[
        float,
        Meta(
            ge=0,
            lt=1,
            description="a score ratio below this part of the episode's peak counts towards the "
            "end, too; then, until one is below close_ratio, the next episode needs a higher "
            "peak; 0: as suits the model, 0.001: as good as never",
        ),
    ] = 0.0
    update_interval_s: Annotated[
        float,
        Meta(
            ge=0,
            le=DURATION_MAX_S,
            description="an open episode is updated so often, by the readings' own time",
        ),
    ] = 3600.0
    cooldown_s: Annotated[
        float,
        Meta(
            ge=0,
            le=DURATION_MAX_S,
            description="for so long after an episode resolved, the entity's next is withheld "
            "unless its peak is higher",
        ),
    ] = 0.0
    alerts_per_day: Annotated[
        float,
        Meta(
            ge=0,
            le=ALERTS_PER_DAY_MAX,
            description="once so many opened within a day, another one is withheld unless its "
            "peak is higher than one of theirs; 0.5: one in two days; 0: the model's own limit, "
            "whose place any other takes, be it looser",
        ),
    ] = 0.0
    alerts_per_day_of: Annotated[
        Literal["entity", "fleet"],
        Meta(description="alerts_per_day is for each entity, or for all that a daemon reads"),
    ] = "entity"
