package org.tensorflow.lite;

import java.nio.ByteBuffer;

public class Interpreter implements AutoCloseable {
  public static class Options {
    public Options setNumThreads(int numThreads) {
      return this;
    }
  }

  public Interpreter(ByteBuffer byteBuffer, Options options) {}

  public Tensor getInputTensor(int inputIndex) {
    throw new IllegalStateException();
  }

  public Tensor getOutputTensor(int outputIndex) {
    throw new IllegalStateException();
  }

  public void run(Object input, Object output) {}

  @Override
  public void close() {}
}
