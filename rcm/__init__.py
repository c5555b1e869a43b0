"""The application on top of ingestion: warehouse, finance, checks of the environment, and the command rcm."""
