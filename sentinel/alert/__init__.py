"""From scores to episodes: thresholds, and the state machine of an episode."""
