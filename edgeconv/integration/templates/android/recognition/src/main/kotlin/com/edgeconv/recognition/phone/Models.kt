package com.edgeconv.recognition.phone

import android.content.Context
import android.os.Build
import com.edgeconv.recognition.EmbeddingModel
import com.edgeconv.recognition.model.ModelFile
import com.edgeconv.recognition.model.ModelKeeper
import com.edgeconv.recognition.model.ModelOutputs
import com.edgeconv.recognition.model.ProvenModel
import com.edgeconv.recognition.model.ReadFile
import com.edgeconv.recognition.model.RecognitionException
import com.edgeconv.recognition.model.RecognitionException.Kind
import com.edgeconv.recognition.model.Record
import com.edgeconv.recognition.model.SelfTest
import com.edgeconv.recognition.model.Surroundings
import com.edgeconv.recognition.model.UpdateResult
import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.Window
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext
import java.io.Closeable
import java.io.File
import java.io.IOException

/**
 * The model of this library on this phone: proven before its first decision, and updated safely.
 *
 * @param units that may run it, in order; the first must be the CPU, which is used unless another
 *   one is clearly faster here
 * @param folder where records and updates are kept; it must not be in the app's backup, since what
 *   was proven on one phone says nothing of another
 */
class Models(
    private val context: Context,
    private val units: List<ComputeUnit> = listOf(ComputeUnit.CPU),
    private val folder: File = File(context.noBackupFilesDir, Contract.NAME),
) {
    init {
        require(units.firstOrNull() == ComputeUnit.CPU) { "the first unit must be the CPU" }
    }

    /** What was found out about the units; `edgeconv golden check BUNDLE FILE` judges it again. */
    val record = File(folder, "record.json")

    /**
     * Opens the model, away from the calling thread. The first time, and after each update of the
     * app, the model or the system, golden windows are run on every unit first.
     *
     * @throws RecognitionException where the file is not the tested one, or no unit computes what it
     *   must
     */
    suspend fun open(): Classifier = work { Classifier(it.open()) }

    /** Checks, tests and installs an update that lies in a folder; the next [open] uses it. */
    suspend fun install(update: File): UpdateResult =
        install { path -> File(update, path).takeIf { it.isFile }?.readBytes() }

    /** The same for an update from elsewhere: it is asked for one file after the other. */
    suspend fun install(read: ReadFile): UpdateResult = work { it.install(read) }

    private suspend fun <T> work(action: (ModelKeeper) -> T): T =
        oneAtATime.withLock {
            withContext(Dispatchers.IO) {
                try {
                    action(keeper())
                } catch (error: IOException) {
                    throw RecognitionException(Kind.MODEL_FAILED, "$error", error)
                }
            }
        }

    private fun keeper(): ModelKeeper {
        val lite = LiteRt(context.assets)
        return ModelKeeper(folder, ::packaged, surroundings()) { file, path, unit ->
            lite.open(file, path, unit)
        }
    }

    private fun packaged(): Pair<ModelFile, SelfTest> =
        try {
            val file = ModelFile(asset(Contract.MODEL)).apply { checkPackaged() }
            file to SelfTest.of(String(asset(Contract.SELF_TEST)))
        } catch (error: IOException) {
            val reason = "the model is not among the app's assets: $error"
            throw RecognitionException(Kind.WRONG_MODEL, reason, error)
        }

    private fun asset(name: String): ByteArray = context.assets.open(name).use { it.readBytes() }

    private fun surroundings(): Surroundings {
        val app = context.packageManager.getPackageInfo(context.packageName, 0)
        return Surroundings(
            appVersion = app.versionName.orEmpty(),
            system = "Android ${Build.VERSION.RELEASE}, ${Build.DISPLAY}",
            device = "${Build.MANUFACTURER} ${Build.MODEL}",
            units = units.map { it.id },
        )
    }

    private companion object {
        /** A screen and a service may have one of these each, and one folder together. */
        val oneAtATime = Mutex()
    }
}

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
