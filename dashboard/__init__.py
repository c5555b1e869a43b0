"""The dashboard: gold as pages for people, see docs/for-analysts.md."""
