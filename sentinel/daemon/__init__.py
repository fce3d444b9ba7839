"""The daemon: poll, score, deliver, commit, and what it says of its own health. Ports only."""
