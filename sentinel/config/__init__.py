"""Configuration: the schema, and the loading that reports everything wrong at once."""
