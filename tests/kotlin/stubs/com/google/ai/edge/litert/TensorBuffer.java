package com.google.ai.edge.litert;

import fakes.LiteRt;

public final class TensorBuffer implements AutoCloseable {
  final String name;
  Object values;
  private boolean closed;

  TensorBuffer(String name) {
    this.name = name;
    LiteRt.open++;
  }

  public void writeFloat(float[] data) throws LiteRtException {
    values = data.clone();
  }

  public void writeInt(int[] data) throws LiteRtException {
    values = data.clone();
  }

  public float[] readFloat() throws LiteRtException {
    if (closed) throw new IllegalStateException("The handle has been destroyed.");
    return ((float[]) values).clone();
  }

  public int[] readInt() throws LiteRtException {
    if (closed) throw new IllegalStateException("The handle has been destroyed.");
    return ((int[]) values).clone();
  }

  @Override
  public void close() {
    if (closed) throw new IllegalStateException("closed twice");
    closed = true;
    LiteRt.open--;
  }
}
