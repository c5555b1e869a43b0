"""What the bundle computes instead of repeating."""
