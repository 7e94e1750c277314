package com.edgeconv.recognition.phone

import android.content.Context
import android.os.Build
import com.edgeconv.recognition.model.ModelFile
import com.edgeconv.recognition.model.ModelKeeper
import com.edgeconv.recognition.model.ReadFile
import com.edgeconv.recognition.model.RecognitionException
import com.edgeconv.recognition.model.RecognitionException.Kind
import com.edgeconv.recognition.model.SelfTest
import com.edgeconv.recognition.model.Surroundings
import com.edgeconv.recognition.model.UpdateResult
import com.edgeconv.recognition.stream.Contract
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext
import java.io.File
import java.io.IOException

/**
 * The model of this library on this phone: proven before its first decision, and updated safely.
 *
 * @param units that may run it, in order; the first must be the CPU, which is used unless another
 *   one is clearly faster here
 * @param folder where records and updates are kept; it must not be in the app's backup, since what
 *   was proven on one phone says nothing of another
 * @param threads of the processor; more than one pays for large models only
 */
class Models(
    private val context: Context,
    private val units: List<ComputeUnit> = listOf(ComputeUnit.CPU),
    private val folder: File = File(context.noBackupFilesDir, Contract.NAME),
    private val threads: Int = 1,
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
        val lite = LiteRt(context.assets, threads)
        return ModelKeeper(folder, ::packaged, surroundings()) { file, path, unit ->
            lite.open(file, path, unit)
        }
    }

    private fun packaged(): Pair<ModelFile, SelfTest> {
        val file = packagedFile(context)
        return file to SelfTest.of(String(asset(context, Contract.SELF_TEST)))
    }

    private fun surroundings(): Surroundings {
        val app = context.packageManager.getPackageInfo(context.packageName, 0)
        return Surroundings(
            appVersion = app.versionName.orEmpty(),
            system = "Android ${Build.VERSION.RELEASE}, ${Build.DISPLAY}",
            device = "${Build.MANUFACTURER} ${Build.MODEL}",
            units = units.map { it.id },
        )
    }

    internal companion object {
        /** A screen and a service may have one of these each, and one folder together. */
        private val oneAtATime = Mutex()

        /** @throws RecognitionException where the file is not the one that was tested */
        fun packagedFile(context: Context): ModelFile =
            ModelFile(asset(context, Contract.MODEL)).apply { checkPackaged() }

        private fun asset(
            context: Context,
            name: String,
        ): ByteArray =
            try {
                context.assets.open(name).use { it.readBytes() }
            } catch (error: IOException) {
                val reason = "$name is not among the app's assets: $error"
                throw RecognitionException(Kind.WRONG_MODEL, reason, error)
            }
    }
}
