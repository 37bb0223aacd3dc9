"""What all others speak of: errors, events, text, tables. No input, no output, nothing of this package above."""
