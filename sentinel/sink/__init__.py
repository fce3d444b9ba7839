"""What leaves the daemon: anomaly events and dead letters.

events.py        an episode's transition as a CloudEvent: pure, the same bytes on every replay
dead_letter.py   an unusable record, unchanged, with headers that say why: pure
kafka.py         the adapter that delivers both, and knows what to do when Kafka refuses
producers.py     its connections: opened with sentinel's promises, closed for certain
failures.py      what a failure of Kafka means, in the operator's words
scores.py        rows of a scored file

`anomaly_event.schema.json` is the JSON Schema of the events.
"""
