package com.edgeconv.recognition.phone

import com.edgeconv.recognition.EmbeddingModel
import com.edgeconv.recognition.model.ModelOutputs
import com.edgeconv.recognition.model.ProvenModel
import com.edgeconv.recognition.model.RecognitionException
import com.edgeconv.recognition.model.RecognitionException.Kind
import com.edgeconv.recognition.model.Record
import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.Window
import java.io.Closeable

/**
 * A model that is open: a window in, an output for each class. Not for several threads at once.
 *
 * Close it when it is not used any more: it holds memory that the garbage collector does not see.
 */
class Classifier internal constructor(
    private val proven: ProvenModel,
) : EmbeddingModel,
    Closeable {
    /** What runs the model, such as `LiteRT CompiledModel, cpu`. */
    val runtime: String get() = proven.engine.name

    /** The verdict of each unit, with its time where it was measured, and the one that is used. */
    val record: Record get() = proven.record

    /** Of the update that is used; null: it is the library's own model. */
    val version: Long? get() = proven.version

    /** Why an update that was installed is not used any more; null: none was. */
    val rolledBack: String? get() = proven.rolledBack

    /** Why an installed update waits for the next opening; null: nothing is in its way. */
    val postponed: String? get() = proven.postponed

    /** Of the file that is open, to which a personal layer belongs. */
    val sha256: String get() = proven.record.key.modelSha256

    /** @throws RecognitionException where the model cannot be run, or gives another number of values */
    override fun run(window: Window): ModelOutputs {
        val answer = proven.engine.run(window.values)
        val (outputs, embedding) = answer.outputs.size to answer.embedding.size
        if (outputs != Contract.LABELS.size || embedding != Contract.EMBEDDING) {
            throw RecognitionException(
                Kind.MODEL_FAILED,
                "the model gave $outputs values for ${Contract.LABELS.size} classes, and an " +
                    "embedding of $embedding, not ${Contract.EMBEDDING}",
            )
        }
        return answer
    }

    override fun close() = proven.engine.close()
}
