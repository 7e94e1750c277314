package com.edgeconv.recognition.phone

import android.content.res.AssetManager
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
import java.io.File
import java.nio.ByteBuffer

/** What LiteRT runs the model on. */
enum class ComputeUnit {
    CPU,

    /** Needs `com.google.ai.edge.litert:litert-gpu` among the app's dependencies. */
    GPU,

    /** Needs the runtime of the chip's maker among the app's dependencies. */
    NPU,
    ;

    /** As records and edgeconv name it. */
    val id get() = name.lowercase()
}

/**
 * The model in LiteRT's `CompiledModel`.
 *
 * @param create opens the file with these options
 * @throws LiteRtException where this unit cannot run it
 */
internal class CompiledEngine(
    unit: ComputeUnit,
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
            // A model of this size is fastest on one thread.
            options.cpuOptions = CompiledModel.CpuOptions(1, null, null)
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
) : Engine {
    override val name = "LiteRT Interpreter, ${ComputeUnit.CPU.id}"

    private val output = arrayOf(FloatArray(Contract.LABELS.size))
    private val embedding = arrayOf(FloatArray(Contract.EMBEDDING))
    private val outputs =
        if (Contract.EMBEDDING > 0) mapOf(0 to output, 1 to embedding) else mapOf(0 to output)
    private val interpreter =
        failing {
            val buffer = ByteBuffer.allocateDirect(file.bytes.size).put(file.bytes)
            Interpreter(buffer, Interpreter.Options().setNumThreads(1))
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

/** Opens models in LiteRT. */
internal class LiteRt(
    private val assets: AssetManager,
) {
    /**
     * Opens a model on one unit. On the CPU the Interpreter takes over where `CompiledModel` cannot be
     * had, as on a phone for whose processor it was not built.
     *
     * @param file its bytes, which were checked
     * @param path where they lie; null: among the assets, as the library's own model
     * @throws RecognitionException where this unit cannot run it
     */
    fun open(
        file: ModelFile,
        path: File?,
        unit: String,
    ): Engine {
        val computeUnit = ComputeUnit.entries.first { it.id == unit }
        return try {
            CompiledEngine(computeUnit) { options, environment ->
                if (path == null) {
                    CompiledModel.create(assets, Contract.MODEL, options, environment)
                } else {
                    CompiledModel.create(path.path, options, environment)
                }
            }
        } catch (error: LiteRtException) {
            instead(file, computeUnit, error)
        } catch (error: LinkageError) {
            instead(file, computeUnit, error)
        }
    }

    private fun instead(
        file: ModelFile,
        unit: ComputeUnit,
        error: Throwable,
    ): Engine {
        if (unit == ComputeUnit.CPU) return InterpreterEngine(file)
        throw RecognitionException(
            Kind.MODEL_FAILED,
            "no CompiledModel on ${unit.id}: $error",
            error,
        )
    }
}
