"""The jobs of Engee's API: made, followed, found again."""
