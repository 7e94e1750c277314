"""ONNX: `.onnx` files for ONNX Runtime on any platform."""
