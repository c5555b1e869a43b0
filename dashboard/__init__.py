"""The dashboard: gold as pages for people, see docs/dashboard.md."""
