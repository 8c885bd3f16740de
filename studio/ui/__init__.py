"""The page: components and wiring, handlers with values in and values out, and what is shown of a session."""
