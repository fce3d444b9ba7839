"""Times, durations and sentences as people read them."""

from __future__ import annotations

from sentinel.alert.sentence import moment
from sentinel.records import NS_PER_S, Contribution
from sentinel.report.wording import ahead, iso, share_text, since

T0_NS = 1_700_000_000 * NS_PER_S


def test_times_are_utc_and_no_longer_than_needed() -> None:
    assert moment(T0_NS) == "2023-11-14 22:13:20"
    assert moment(T0_NS - 20 * NS_PER_S) == "2023-11-14 22:13"
    assert iso(T0_NS) == "2023-11-14T22:13:20Z"
    assert iso(T0_NS + 50_000_000) == "2023-11-14T22:13:20.05Z"


def test_a_warning_is_ahead_of_the_failure_or_late() -> None:
    assert ahead(3 * 3600 * NS_PER_S) == "3 h ahead"
    assert ahead(-60 * NS_PER_S) == "1 min late"
    assert ahead(None) == ""


def test_a_sentence_names_the_few_channels_that_matter() -> None:
    shares = [("vib_x", 0.5), ("temp", 0.25), ("flow", 0.24), ("rpm", 0.01)]
    found = [Contribution(name, share, 4.1, 1.2) for name, share in shares]
    assert share_text(found) == "vib_x 50%, temp 25%"
    assert since(found[:1], T0_NS) == "vib_x 4.1, expected 1.2, since 2023-11-14 22:13:20 UTC"
    spread = [Contribution(f"c{n}", 0.05, 1.0, 2.0) for n in range(20)]
    assert share_text(spread) == "c0 5%"
