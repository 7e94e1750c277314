package com.edgeconv.recognition.phone

import android.content.Context
import com.edgeconv.recognition.Model
import com.edgeconv.recognition.model.Engine
import com.edgeconv.recognition.model.RecognitionException
import com.edgeconv.recognition.model.RecognitionException.Kind
import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.Window
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import java.io.Closeable
import java.io.IOException

/**
 * The TFLite model: a window in, an output for each class. Not for several threads at once.
 *
 * Close it when it is not used any more: it holds memory that the garbage collector does not see.
 */
class Classifier internal constructor(
    private val engine: Engine,
) : Model,
    Closeable {
    /** What runs the model, such as `LiteRT CompiledModel, cpu`. */
    val runtime: String get() = engine.name

    /** @throws RecognitionException where the model cannot be run, or gives another number of values */
    override fun outputs(window: Window): FloatArray {
        val outputs = engine.run(window.values)
        if (outputs.size != Contract.LABELS.size) {
            throw RecognitionException(
                Kind.MODEL_FAILED,
                "the model gave ${outputs.size} values for ${Contract.LABELS.size} classes",
            )
        }
        return outputs
    }

    override fun close() = engine.close()

    companion object {
        /**
         * Opens the model of this library, away from the calling thread, once its bytes were found to
         * be those that were tested.
         *
         * @throws RecognitionException where it is another file, or cannot be opened on this unit
         */
        suspend fun packaged(
            context: Context,
            unit: ComputeUnit = ComputeUnit.CPU,
        ): Classifier =
            withContext(Dispatchers.IO) {
                try {
                    Classifier(Source.packaged(context).open(unit))
                } catch (error: IOException) {
                    val reason = "${Contract.MODEL} is not among the app's assets: $error"
                    throw RecognitionException(Kind.WRONG_MODEL, reason, error)
                }
            }
    }
}
