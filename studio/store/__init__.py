"""The library: sessions in SQLite, pictures as files named by their SHA-256."""
