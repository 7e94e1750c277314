package org.tensorflow.lite;

import java.nio.ByteBuffer;
import java.util.Map;

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

  public String[] getSignatureKeys() {
    throw new IllegalStateException();
  }

  public String[] getSignatureInputs(String signatureKey) {
    throw new IllegalStateException();
  }

  public String[] getSignatureOutputs(String signatureKey) {
    throw new IllegalStateException();
  }

  public Tensor getInputTensorFromSignature(String inputName, String signatureKey) {
    throw new IllegalStateException();
  }

  public Tensor getOutputTensorFromSignature(String outputName, String signatureKey) {
    throw new IllegalStateException();
  }

  public void runSignature(
      Map<String, Object> inputs, Map<String, Object> outputs, String signatureKey) {}

  @Override
  public void close() {}
}
