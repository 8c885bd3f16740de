"""What leaves the studio and comes back: ZIP, HTML report, session.json, transcript. Knows no store."""
