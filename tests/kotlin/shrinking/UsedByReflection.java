package org.tensorflow.lite.annotations;

public @interface UsedByReflection {}
