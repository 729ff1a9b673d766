"""Dead letters: what one is, what it is called, and how it becomes an event again."""
