"""What the networks are built of: blocks, switches, normalizations, initializations."""
