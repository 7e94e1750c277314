"""Layer by layer: which value of a file is which layer's, how far off it is, and where it begins.

Pure functions on arrays. `points` says what the float model has to compare with, `match` finds
each in the file, `measure` gathers errors over chunks of windows, `verdict` names the layer where
an error begins, `ranges` finds numbers that a number format cannot hold.
"""
