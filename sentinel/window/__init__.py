"""Windows of readings: segments of a history, its split, its scaling, and the rings of a stream."""
