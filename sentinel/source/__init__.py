"""Where readings come from: Kafka and files, turned into columns.

`timestamps` is shared by all; `kafka`/`kafka_range` read topics, `files` reads histories.
"""
