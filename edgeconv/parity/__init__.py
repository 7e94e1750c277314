"""Does a file behave like the float model? Pure functions over arrays that are handed in."""
