package org.tensorflow.lite;

import org.tensorflow.lite.annotations.UsedByReflection;

/** The same for its Interpreter. */
class Wrapper {
  static void app() {
    new NativeInterpreterWrapper().time();
  }
}

class NativeInterpreterWrapper {
  private long inferenceDurationNanoseconds;

  long time() {
    run(1);
    return inferenceDurationNanoseconds;
  }

  @UsedByReflection
  void calledByName() {}

  private static native void run(long handle);
}

@UsedByReflection
class FactoryFoundByName {}

class NeverUsedEither {}
