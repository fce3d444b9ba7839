"""From reconstruction errors to scores, and to what each channel has to do with them."""
