"""The library's schema, one step per change; run by `studio.store.schema`."""
