package com.google.ai.edge.litert;

public class LiteRtException extends Exception {
  private static final long serialVersionUID = 1;

  public LiteRtException(int code, String message) {
    super(message);
  }
}
