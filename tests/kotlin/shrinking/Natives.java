package com.google.ai.edge.litert;

/** What LiteRT's Java classes have that its native library calls by name: see Model.kt there. */
class Natives {
  static void app() {
    new CompiledModel().requirements();
    new Model().type();
  }
}

class CompiledModel {
  long handle = nativeCreate(1);

  TensorBufferRequirements requirements() {
    return nativeGetInputBufferRequirements(handle);
  }

  private static native long nativeCreate(long environment);

  private static native TensorBufferRequirements nativeGetInputBufferRequirements(long handle);

  static void unused() {}
}

class Model {
  TensorType type() {
    return nativeGetInputTensorType(1);
  }

  private static native TensorType nativeGetInputTensorType(long handle);
}

class TensorType {
  TensorType(ElementType elementType, Layout layout) {}

  TensorType(ElementType elementType) {}

  enum ElementType {
    INT,
    FLOAT,
    INT8,
    BOOLEAN,
    INT64
  }

  static class Layout {
    Layout(int[] dimensions) {}

    Layout(int[] dimensions, int[] strides) {}
  }
}

class TensorBufferRequirements {
  TensorBufferRequirements(int[] supportedTypes, int bufferSize, int[] strides) {}
}

class LiteRtException extends Exception {
  private static final long serialVersionUID = 1;

  LiteRtException(int code, String message) {
    super(message);
  }
}

class NeverUsed {
  void nothing() {}
}
