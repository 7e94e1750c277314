package com.edgeconv.model

import android.content.Context
import java.io.Closeable

/** What runs the model: by name, the order of inputs and outputs does not matter. */
interface Engine {
    /** For people: `LiteRT CompiledModel, cpu`. */
    val name: String

    fun run(inputs: Tensors): Tensors
}

/** The model: one sample in, a prediction out. Not for several threads at once. */
class ModelRunner(
    private val engine: Engine,
) : Closeable {
    /** What runs the model, such as `LiteRT CompiledModel, cpu`. */
    val runtime: String get() = engine.name

    /**
     * What the model says of one sample. Call it away from the main thread.
     *
     * @throws ModelException where the sample does not fit, or the model gives what is not finite
     */
    fun predict(inputs: Inputs): Prediction = Prediction.of(run(inputs.toTensors()))

    /** The same under the model's own names. */
    fun run(inputs: Tensors): Tensors {
        for (spec in Contract.INPUTS) spec.checkInput(inputs[spec.name])
        val outputs = engine.run(inputs)
        for (spec in Contract.OUTPUTS) spec.checkOutput(outputs[spec.name])
        return outputs
    }

    /** Frees the model's memory. Nothing can be predicted after that. */
    override fun close() {
        (engine as? Closeable)?.close()
    }

    companion object {
        /**
         * Opens the model of this library, once its bytes were found to be those that were tested.
         * It is read whole: call this away from the main thread.
         *
         * @param threads of the processor; more than one pays for large models only
         * @throws ModelException where it cannot be opened, or is another file
         */
        fun packaged(
            context: Context,
            threads: Int = 1,
        ): ModelRunner = ModelRunner(LiteRt.packaged(context, threads))
    }
}
