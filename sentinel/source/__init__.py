"""Where readings come from: Kafka and files, turned into columns.

`timestamps` is shared by all; `files` and history_... read histories; `kafka` and `kafka_range`
read topics, `kafka_admin` asks about them. The way of a record batch, one step per module:

==========================  ======================================================================
`consumer`                  kafka-python's consumer, `group_repair` mends its joins
`record_batches`            whole batches out of it, instead of one object per record
`record_table`, `batches`   where the records lie in a batch, every length checked
`decoder`                   both lanes, the entities (`key_table`), the dead letters (`reasons`)
`fast_lane`                 records to `rows` in Numba: `fast_object` over `field_tree`, on top of
                            `json_scan`, `json_number`, `json_time`
`slow_lane`, `exact_time`   the rules of what is a reading, for every record that is not usual
`assembler`                 layout long: values become readings
`channel_watch`             which of the model's channels the stream carries
==========================  ======================================================================
"""
