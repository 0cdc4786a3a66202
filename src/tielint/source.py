"""One source file: its bytes, its text, and what must survive a rewrite. Read by the linter, written by the fixer."""
