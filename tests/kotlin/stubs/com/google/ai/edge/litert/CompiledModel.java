package com.google.ai.edge.litert;

import android.content.res.AssetManager;
import fakes.LiteRt;
import fakes.Phone;
import java.io.File;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** As LiteRT's Model.kt declares it; it runs what `fakes.LiteRt` has for the unit. */
public final class CompiledModel implements AutoCloseable {
  public static final class Options {
    private final Accelerator[] accelerators;
    private CpuOptions cpuOptions;

    public Options(Accelerator... accelerators) {
      this.accelerators = accelerators;
    }

    public CpuOptions getCpuOptions() {
      return cpuOptions;
    }

    public void setCpuOptions(CpuOptions options) {
      cpuOptions = options;
    }
  }

  public static final class CpuOptions {
    public CpuOptions(Integer numThreads, Integer xnnPackFlags, String xnnPackWeightCachePath) {}
  }

  private final String unit;

  private CompiledModel(Options options) throws LiteRtException {
    unit = options.accelerators[0].name();
    if (!LiteRt.models.containsKey(unit)) {
      throw new LiteRtException(504, "Failed to create compiled model on " + unit);
    }
    LiteRt.open++;
  }

  public static CompiledModel create(
      AssetManager assetManager, String assetName, Options options, Environment environment)
      throws LiteRtException {
    if (!Phone.assets.containsKey(assetName)) throw new LiteRtException(6, "Failed to open asset.");
    return new CompiledModel(options);
  }

  public static CompiledModel create(String filePath, Options options, Environment environment)
      throws LiteRtException {
    if (!new File(filePath).isFile()) throw new LiteRtException(500, "Failed to open file.");
    return new CompiledModel(options);
  }

  public List<TensorBuffer> createInputBuffers() throws LiteRtException {
    return List.of(new TensorBuffer("0"));
  }

  public List<TensorBuffer> createOutputBuffers() throws LiteRtException {
    return List.of(new TensorBuffer("0"));
  }

  public TensorBuffer createInputBuffer(String inputName, String signature)
      throws LiteRtException {
    return new TensorBuffer(inputName);
  }

  public TensorBuffer createOutputBuffer(String outputName, String signature)
      throws LiteRtException {
    return new TensorBuffer(outputName);
  }

  public void run(List<TensorBuffer> inputs, List<TensorBuffer> outputs) throws LiteRtException {
    Map<String, Object> given = new HashMap<>();
    for (TensorBuffer each : inputs) given.put(each.name, each.values);
    Map<String, Object> answer = answer(given);
    for (TensorBuffer each : outputs) each.values = answer.get(each.name);
  }

  public void run(
      Map<String, TensorBuffer> inputs, Map<String, TensorBuffer> outputs, String signature)
      throws LiteRtException {
    run(List.copyOf(inputs.values()), List.copyOf(outputs.values()));
  }

  private Map<String, Object> answer(Map<String, Object> given) throws LiteRtException {
    if (LiteRt.failing.remove(unit)) throw new LiteRtException(3, "Failed to run the model");
    return LiteRt.models.get(unit).run(given);
  }

  @Override
  public void close() {
    LiteRt.open--;
  }
}
