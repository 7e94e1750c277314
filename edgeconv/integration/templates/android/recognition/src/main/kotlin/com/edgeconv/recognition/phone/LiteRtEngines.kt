package com.edgeconv.recognition.phone

import com.edgeconv.recognition.model.Engine
import com.edgeconv.recognition.model.ModelFile
import com.edgeconv.recognition.model.ModelOutputs
import com.edgeconv.recognition.model.RecognitionException
import com.edgeconv.recognition.model.RecognitionException.Kind
import com.edgeconv.recognition.stream.Contract
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import org.tensorflow.lite.Interpreter
import java.nio.ByteBuffer

/**
 * The model in LiteRT's `CompiledModel`.
 *
 * @param create opens the file with these options
 * @throws LiteRtException where this unit cannot run it
 */
internal class CompiledEngine(
    unit: ComputeUnit,
    threads: Int,
    create: (CompiledModel.Options, Environment) -> CompiledModel,
) : Engine {
    override val name = "LiteRT CompiledModel, ${unit.id}"

    private val open = ArrayDeque<AutoCloseable>()
    private val model: CompiledModel
    private val inputs: List<TensorBuffer>
    private val outputs: List<TensorBuffer>

    init {
        try {
            val environment = Environment.create().also(open::add)
            val options = CompiledModel.Options(Accelerator.valueOf(unit.name))
            options.cpuOptions = CompiledModel.CpuOptions(threads, null, null)
            model = create(options, environment).also(open::add)
            inputs = model.createInputBuffers().onEach(open::add)
            outputs = model.createOutputBuffers().onEach(open::add)
        } catch (error: LiteRtException) {
            close()
            throw error
        }
    }

    override fun run(input: FloatArray): ModelOutputs =
        try {
            inputs[0].writeFloat(input)
            model.run(inputs, outputs)
            ModelOutputs(outputs[0].readFloat(), outputs.getOrNull(1)?.readFloat() ?: FloatArray(0))
        } catch (error: LiteRtException) {
            throw RecognitionException(Kind.MODEL_FAILED, "$name: ${error.message}", error)
        }

    /** The last first: buffers belong to the model, and it to the environment. */
    override fun close() {
        while (open.isNotEmpty()) open.removeLast().close()
    }
}

/** The model in LiteRT's `Interpreter`, which runs on the CPU only. */
internal class InterpreterEngine(
    file: ModelFile,
    threads: Int,
) : Engine {
    override val name = "LiteRT Interpreter, ${ComputeUnit.CPU.id}"

    private val output = arrayOf(FloatArray(Contract.LABELS.size))
    private val embedding = arrayOf(FloatArray(Contract.EMBEDDING))
    private val outputs =
        if (Contract.EMBEDDING > 0) mapOf(0 to output, 1 to embedding) else mapOf(0 to output)
    private val interpreter =
        failing {
            val buffer = ByteBuffer.allocateDirect(file.bytes.size).put(file.bytes)
            Interpreter(buffer, Interpreter.Options().setNumThreads(threads))
        }

    override fun run(input: FloatArray): ModelOutputs {
        val inputs = arrayOf<Any>(arrayOf(input))
        failing { interpreter.runForMultipleInputsOutputs(inputs, outputs) }
        return ModelOutputs(output[0].copyOf(), embedding[0].copyOf())
    }

    override fun close() = interpreter.close()

    private fun <T> failing(action: () -> T): T =
        try {
            action()
        } catch (error: IllegalArgumentException) {
            throw RecognitionException(Kind.MODEL_FAILED, "$name: ${error.message}", error)
        } catch (error: IllegalStateException) {
            throw RecognitionException(Kind.MODEL_FAILED, "$name: ${error.message}", error)
        }
}
