"""A backtest for people: words, figures and a page that needs nothing but itself.

`figures` and whatever imports it need matplotlib, the extra `report`; `wording` does not.
"""
