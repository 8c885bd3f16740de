"""The vector-scene world: what can be drawn, drawing it, judging it, and the language about it."""
