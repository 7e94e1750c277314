package com.edgeconv.model

import android.content.Context
import java.io.Closeable

/** What runs the model: by name, the order of inputs and outputs does not matter. */
fun interface Engine {
    fun run(inputs: Tensors): Tensors
}

/** The model: one sample in, a prediction out. Not for several threads at once. */
class ModelRunner(
    private val engine: Engine,
) : Closeable {
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
         * Opens the model of this library, mapped into memory: it must lie uncompressed in the APK.
         *
         * @param threads of the processor; more than one pays for large models only
         * @throws ModelException where it cannot be opened, or is not the model of [Contract]
         */
        fun packaged(
            context: Context,
            threads: Int = 1,
        ): ModelRunner = ModelRunner(LiteRtEngine.packaged(context, threads))
    }
}
