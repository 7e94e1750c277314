package com.edgeconv.model

import android.content.Context
import java.io.Closeable

/** What a model gives for one vector of the self-test: the numbers of all its outputs. */
class ModelOutputs(
    val outputs: FloatArray,
)

/** What runs the model: by name, the order of inputs and outputs does not matter. */
interface Engine : Closeable {
    /** For people: `LiteRT CompiledModel, cpu`. */
    val name: String

    fun run(inputs: Tensors): Tensors

    /**
     * The numbers of all outputs for those of all inputs, one after the other in the order of
     * [Contract], as `selftest.json` has them.
     *
     * @throws ModelException where they are not as many as the model takes
     */
    fun run(input: FloatArray): ModelOutputs {
        var begin = 0
        val inputs =
            Contract.INPUTS.associate { spec ->
                val part = input.drop(begin).take(spec.size)
                begin += spec.size
                val tensor = spec.tensor(part.size, part::get) { part[it].toInt() }
                spec.name to tensor.also(spec::checkInput)
            }
        if (begin != input.size) {
            val kind = ModelException.Kind.WRONG_SIZE
            throw ModelException(kind, "the model takes $begin numbers, not ${input.size}")
        }
        val outputs = run(inputs)
        return ModelOutputs(
            Contract.OUTPUTS
                .flatMap { spec ->
                    when (val tensor = outputs[spec.name]) {
                        is Floats -> tensor.values.toList()
                        is Ints -> tensor.values.map(Int::toFloat)
                        null -> emptyList()
                    }
                }.toFloatArray(),
        )
    }
}

/**
 * The model: one sample in, a prediction out. Not for several threads at once.
 *
 * @property proof how it proved itself on this device; null where it was opened without a test
 */
class ModelRunner(
    private val engine: Engine,
    val proof: ProvenModel? = null,
) : Closeable {
    internal constructor(proven: ProvenModel) : this(proven.engine, proven)

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
    override fun close() = engine.close()

    companion object {
        /**
         * Opens the model of this library on the CPU, once its bytes were found to be those that
         * were tested, without any test of this device: apps open it by [Models].
         * It is read whole: call this away from the main thread.
         *
         * @param threads of the processor; more than one pays for large models only
         * @throws ModelException where it cannot be opened, or is another file
         */
        fun packaged(
            context: Context,
            threads: Int = 1,
        ): ModelRunner {
            val file = Models.packagedFile(context)
            return ModelRunner(LiteRt(context.assets, threads).open(file, null, ComputeUnit.CPU.id))
        }
    }
}
