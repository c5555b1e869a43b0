"""What finance asks for beyond a build: month close, receivables of a day, exports without small cells."""
