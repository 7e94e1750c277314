package com.edgeconv.recognition.model

import java.io.Closeable

/**
 * What a model gives for one window.
 *
 * @property outputs one for each class
 * @property embedding what its last layer reads; empty where the file does not give it
 */
class ModelOutputs(
    val outputs: FloatArray,
    val embedding: FloatArray = FloatArray(0),
)

/** A model that is open on one unit. */
interface Engine : Closeable {
    /** What it is, for people: `LiteRT CompiledModel, cpu`. */
    val name: String

    /** @throws RecognitionException where the model cannot be run */
    fun run(input: FloatArray): ModelOutputs
}
