package com.edgeconv.recognition.phone

import android.content.res.AssetManager
import com.edgeconv.recognition.model.Engine
import com.edgeconv.recognition.model.ModelFile
import com.edgeconv.recognition.model.RecognitionException
import com.edgeconv.recognition.model.RecognitionException.Kind
import com.edgeconv.recognition.stream.Contract
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.LiteRtException
import java.io.File

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
 * Opens models in LiteRT.
 *
 * @param threads of the processor
 */
internal class LiteRt(
    private val assets: AssetManager,
    private val threads: Int,
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
            CompiledEngine(computeUnit, threads) { options, environment ->
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
        if (unit == ComputeUnit.CPU) return InterpreterEngine(file, threads)
        throw RecognitionException(
            Kind.MODEL_FAILED,
            "no CompiledModel on ${unit.id}: $error",
            error,
        )
    }
}
