"""Measuring a backend: GenEval-format files, verdicts, edits."""
