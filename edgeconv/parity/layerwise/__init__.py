"""Layer by layer: which value of a file is which layer's, how far off it is, and where it begins.

`comparison` runs it for the artifacts of a bundle, `pairwise` for two files. `reference_points`
says what the float model has to compare with, `file_values` what the file has, `matching` pairs
them, `layer_errors` accumulates errors over chunks of windows, `layer_rows` makes the table,
`layer_verdict` names the layer where an error begins, and `ranges` finds values that a number
format cannot represent.
"""
