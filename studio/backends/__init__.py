"""What can draw and see: one protocol, several implementations."""
