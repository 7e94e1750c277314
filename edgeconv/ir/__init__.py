"""The network between Keras and every target: graph, folding, quantization points, calibration."""
