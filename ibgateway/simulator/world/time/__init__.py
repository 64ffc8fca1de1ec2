"""Trading calendars, and the spellings of an instant."""
