package com.edgeconv.recognition.model

import java.io.Closeable

/** A model that is open on one unit: a window in, an output for each class. */
interface Engine : Closeable {
    /** What it is, for people: `LiteRT CompiledModel, cpu`. */
    val name: String

    /** @throws RecognitionException where the model cannot be run */
    fun run(input: FloatArray): FloatArray
}
