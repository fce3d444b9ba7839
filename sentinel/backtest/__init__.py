"""What a detector's scores and episodes are worth against labels. Pure: arrays in, numbers out.

Point-adjusted F1 is left out on purpose: a random score reaches the state of the art under it (Kim
et al., "Towards a Rigorous Evaluation of Time-series Anomaly Detection", AAAI 2022).
"""
