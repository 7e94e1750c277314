"""Tables of recordings as people have them: found, read, put in order and cut into segments."""
