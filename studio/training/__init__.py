"""Training the unified model."""
