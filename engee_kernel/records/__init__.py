"""The jobs of Engee's API as such: made, waited for, read, noted in the journal. Nothing here knows of a session."""
