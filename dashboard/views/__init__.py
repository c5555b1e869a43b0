"""Pages of the dashboard: a package each, with the queries that only this page asks beside it."""
