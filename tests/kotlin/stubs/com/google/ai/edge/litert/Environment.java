package com.google.ai.edge.litert;

import fakes.LiteRt;

public final class Environment implements AutoCloseable {
  private Environment() {
    if (LiteRt.missing) throw new UnsatisfiedLinkError("no litert_jni in java.library.path");
    LiteRt.open++;
  }

  public static Environment create() throws LiteRtException {
    return new Environment();
  }

  @Override
  public void close() {
    LiteRt.open--;
  }
}
