"""Finance: month close, receivables as of a day, exports with small cells suppressed."""
