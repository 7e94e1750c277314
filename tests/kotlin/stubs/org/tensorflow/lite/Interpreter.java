package org.tensorflow.lite;

import fakes.LiteRt;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

public class Interpreter implements AutoCloseable {
  public static class Options {
    public Options setNumThreads(int numThreads) {
      return this;
    }
  }

  public Interpreter(ByteBuffer byteBuffer, Options options) {
    if (!byteBuffer.isDirect()) {
      throw new IllegalArgumentException("Model ByteBuffer should be a direct ByteBuffer");
    }
    if (!LiteRt.models.containsKey("Interpreter")) {
      throw new IllegalArgumentException("ByteBuffer is not a valid TensorFlow Lite model");
    }
    LiteRt.open++;
  }

  public void runForMultipleInputsOutputs(Object[] inputs, Map<Integer, Object> outputs) {
    if (LiteRt.failing.remove("Interpreter")) {
      throw new IllegalStateException("Internal error: Failed to run");
    }
    Map<String, Object> given = new HashMap<>();
    given.put("0", ((float[][]) inputs[0])[0].clone());
    Map<String, Object> answers = LiteRt.models.get("Interpreter").run(given);
    for (Map.Entry<Integer, Object> each : outputs.entrySet()) {
      float[] answer = (float[]) answers.get(each.getKey().toString());
      float[] row = ((float[][]) each.getValue())[0];
      if (row.length != answer.length) {
        throw new IllegalArgumentException("Cannot copy from a TensorFlowLite tensor");
      }
      System.arraycopy(answer, 0, row, 0, row.length);
    }
  }

  public String[] getSignatureKeys() {
    return new String[] {"serving_default"};
  }

  public void runSignature(
      Map<String, Object> inputs, Map<String, Object> outputs, String signatureKey) {
    if (LiteRt.failing.remove("Interpreter")) {
      throw new IllegalStateException("Internal error: Failed to run");
    }
    Map<String, Object> answer = LiteRt.models.get("Interpreter").run(inputs);
    for (Map.Entry<String, Object> each : outputs.entrySet()) {
      ByteBuffer buffer = (ByteBuffer) each.getValue();
      Object values = answer.get(each.getKey());
      if (values instanceof float[]) buffer.asFloatBuffer().put((float[]) values);
      else buffer.asIntBuffer().put((int[]) values);
    }
  }

  @Override
  public void close() {
    LiteRt.open--;
  }
}
