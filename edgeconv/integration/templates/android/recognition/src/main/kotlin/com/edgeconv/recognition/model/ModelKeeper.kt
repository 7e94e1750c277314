package com.edgeconv.recognition.model

import com.edgeconv.recognition.model.RecognitionException.Kind
import com.edgeconv.recognition.stream.Contract
import org.json.JSONException
import org.json.JSONObject
import java.io.File
import java.io.FileOutputStream
import java.io.IOException
import java.nio.file.Files
import java.nio.file.NoSuchFileException
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardCopyOption.REPLACE_EXISTING

/**
 * Where and for whom a model is proven.
 *
 * @property appVersion as the app says of itself, such as `2.3.1`
 * @property system such as `Android 16`; another text means another system, and a new test
 * @property device for people
 * @property units that the app allows, in order; the first is the fallback, and the CPU
 */
class Surroundings(
    val appVersion: String,
    val system: String,
    val device: String,
    val units: List<String>,
)

/**
 * A model that was proven on this device, and is open.
 *
 * @property record what was found out about the units, and which was chosen
 * @property version of an update; null: it is the library's own model
 * @property rolledBack why an update that was installed is not used any more; null: none was
 * @property postponed why an installed update is not used this time: it could not be read or opened
 *   now. It stays, and the next opening tries it again. Null: nothing was in the way
 */
class ProvenModel(
    val engine: Engine,
    val record: Record,
    val version: Long? = null,
    val rolledBack: String? = null,
    val postponed: String? = null,
)

/**
 * What became of an update.
 *
 * @property refusal null where it was installed; it is used from the next time on that the model is
 *   opened
 * @property record of its self-test, where it came to that
 */
class UpdateResult(
    val refusal: Refusal?,
    val record: Record? = null,
)

/**
 * The models of this app on this device: the library's own, and an update of it that was installed.
 * Everything it keeps lies in one folder. Not for several threads at once.
 *
 * @param root the folder, which is this model's alone
 * @param packaged the library's own model, and its test
 * @param key the public key, as base64; empty: no updates are taken
 * @param open opens a model's bytes on a unit; the file is null for the library's own
 */
class ModelKeeper(
    private val root: File,
    private val packaged: () -> Pair<ModelFile, SelfTest>,
    private val surroundings: Surroundings,
    private val key: String = Contract.UPDATE_KEY,
    private val packagedVersion: Long = Contract.MODEL_VERSION,
    private val clock: () -> Long = System::nanoTime,
    private val open: (ModelFile, File?, String) -> Engine,
) {
    private val stateFile = File(root, "installed.json")

    /**
     * The model that is used now: the update where there is one that still proves itself.
     *
     * An update that is damaged or answers wrongly is given up. One that cannot be read or opened
     * now, as while memory is short, is kept for the next time.
     *
     * @throws RecognitionException where the library's own model is not the tested one
     * @throws NoUnitPassed where nothing on this device computes what it must
     */
    fun open(): ProvenModel {
        val state =
            try {
                State.read(stateFile)
            } catch (error: IOException) {
                return openPackaged(postponed = "which update is installed cannot be read: $error")
            }
        clean(state)
        val version = state.version ?: return openPackaged()
        if (packagedVersion >= version) { // a newer app brought a newer model
            forget(state)
            return openPackaged()
        }
        return try {
            openUpdate(version)
        } catch (error: IOException) {
            openPackaged(postponed = "$error")
        } catch (error: NoUnitPassed) {
            if (isWrong(error.record)) {
                giveUp(state, error)
            } else {
                openPackaged(postponed = error.message)
            }
        } catch (error: RecognitionException) {
            giveUp(state, error)
        }
    }

    /** Whether a unit answered otherwise than it must: an error may pass by itself, that does not. */
    private fun isWrong(record: Record) =
        surroundings.units.any { record.result(it)?.status == UnitStatus.FAILED }

    private fun giveUp(
        state: State,
        reason: RecognitionException,
    ): ProvenModel {
        forget(state)
        return openPackaged(rolledBack = reason.message)
    }

    /** Checks an update, tests it on this device, and installs it: all of it or nothing. */
    fun install(read: ReadFile): UpdateResult {
        val state =
            try {
                State.read(stateFile)
            } catch (_: IOException) {
                // What the floor is, nobody knows: nothing is taken.
                return UpdateResult(Refusal.STORAGE_FAILED)
            }
        val floor = maxOf(state.floorOf(key), packagedVersion)
        val check = UpdateCheck(installed(floor), quietly(read))
        val (manifest, refusal) = check.manifest()
        if (manifest == null) return UpdateResult(refusal)
        check.misfit(manifest)?.let { return UpdateResult(it) }
        if (!check.isWhole(manifest)) return UpdateResult(Refusal.DAMAGED_FILE)
        val folder = folder(manifest.version)
        return try {
            folder.deleteRecursively()
            val names =
                manifest.files.map { it.path } + UpdateCheck.MANIFEST + UpdateCheck.SIGNATURE
            for (name in names) {
                val content = quietly(read)(name) ?: return damaged(folder)
                write(File(folder, name), content)
            }
            val result = prove(folder, manifest.version)
            if (result.refusal == null) {
                val now = State(manifest.version, manifest.version, key)
                write(stateFile, now.toJson())
                clean(now)
            } else {
                folder.deleteRecursively()
            }
            result
        } catch (_: IOException) {
            folder.deleteRecursively()
            UpdateResult(Refusal.STORAGE_FAILED)
        }
    }

    /** A source that fails has no such file. */
    private fun quietly(read: ReadFile): ReadFile =
        {
            try {
                read(it)
            } catch (_: IOException) {
                null
            }
        }

    private fun damaged(folder: File): UpdateResult {
        folder.deleteRecursively()
        return UpdateResult(Refusal.DAMAGED_FILE)
    }

    private fun prove(
        folder: File,
        version: Long,
    ): UpdateResult =
        try {
            val proven = openFolder(folder, version)
            proven.engine.close()
            UpdateResult(null, proven.record)
        } catch (error: NoUnitPassed) {
            UpdateResult(Refusal.SELF_TEST_FAILED, error.record)
        } catch (_: RecognitionException) {
            UpdateResult(Refusal.DAMAGED_FILE)
        }

    private fun openPackaged(
        rolledBack: String? = null,
        postponed: String? = null,
    ): ProvenModel {
        val (file, test) = packaged()
        val (engine, record) = prove(test, File(root, RECORD)) { open(file, null, it) }
        return ProvenModel(engine, record, null, rolledBack, postponed)
    }

    private fun openUpdate(version: Long): ProvenModel {
        val proven = openFolder(folder(version), version)
        return ProvenModel(proven.engine, proven.record, version)
    }

    /** An installed update is looked at as if it came now, except that it need not be newer. */
    private fun openFolder(
        folder: File,
        version: Long,
    ): ProvenModel {
        val check = UpdateCheck(installed(floor = 0)) { contents(File(folder, it)) }
        val (manifest, unread) = check.manifest()
        if (manifest == null) refuse(unread)
        check.misfit(manifest)?.let(::refuse)
        // A source may give an older update, signed as well, when it is read the second time.
        if (manifest.version != version) refuse(Refusal.DAMAGED_FILE)
        if (!check.isWhole(manifest)) refuse(Refusal.DAMAGED_FILE)
        val path = File(folder, manifest.artifact)
        val file = ModelFile(path.readBytes())
        file.checkContract()
        val test = SelfTest.of(File(folder, manifest.selfTest).readText())
        val (engine, record) = prove(test, File(folder, RECORD)) { open(file, path, it) }
        return ProvenModel(engine, record)
    }

    /**
     * What a file holds; null where there is none.
     *
     * @throws IOException where it is there and cannot be read
     */
    private fun contents(file: File): ByteArray? =
        try {
            Files.readAllBytes(file.toPath())
        } catch (_: NoSuchFileException) {
            null
        }

    private fun refuse(refusal: Refusal?): Nothing {
        val reason = "the update is refused: ${refusal?.name?.lowercase()}"
        throw RecognitionException(Kind.WRONG_MODEL, reason)
    }

    private fun prove(
        test: SelfTest,
        recordFile: File,
        open: (String) -> Engine,
    ): Pair<Engine, Record> {
        val key = Key(surroundings.appVersion, test.sha256, surroundings.system)
        val before =
            try {
                contents(recordFile)?.let { Record.of(String(it)) }
            } catch (_: IOException) {
                null
            }
        val keep = { record: Record ->
            val text = record.toJson(test, surroundings.device)
            try {
                write(recordFile, text.toByteArray(), sync = false)
            } catch (_: IOException) {
                // A record that is lost, by a full disk or a power failure, costs another test.
            }
        }
        return UnitTester(test, surroundings.units, key, keep, clock, open).prove(before)
    }

    private fun installed(floor: Long) =
        Installed(Contract.NAME, Contract.CONTRACT_SHA256, floor, surroundings.appVersion, key)

    private fun folder(version: Long) = File(root, "models/$version")

    /** The floor stays: an update that was once replaced does not come back. */
    private fun forget(state: State) {
        val without = State(null, state.floor, state.key)
        try {
            write(stateFile, without.toJson())
        } catch (_: IOException) {
            return // the old state is whole, and the next start forgets the update
        }
        clean(without)
    }

    /** What is left of updates that are used no more, or that were never finished. */
    private fun clean(state: State) {
        for (folder in File(root, "models").listFiles().orEmpty()) {
            if (folder.name != "${state.version}") folder.deleteRecursively()
        }
    }

    /** In one step: whoever reads sees the old file or the new one, and so does a restart. */
    private fun write(
        file: File,
        content: ByteArray,
        sync: Boolean = true,
    ) {
        file.parentFile?.mkdirs()
        val part = File(file.path + ".part")
        try {
            FileOutputStream(part).use {
                it.write(content)
                if (sync) it.fd.sync()
            }
            Files.move(part.toPath(), file.toPath(), ATOMIC_MOVE, REPLACE_EXISTING)
        } catch (error: IOException) {
            part.delete()
            throw error
        }
    }

    /**
     * Which update is used.
     *
     * @property version null: none
     * @property floor the highest version that was ever installed
     * @property key the public key that this floor belongs to; null: not known, so every key
     */
    private class State(
        val version: Long?,
        val floor: Long,
        val key: String?,
    ) {
        /** A floor that a thief of the old key raised does not bind an app with another key. */
        fun floorOf(current: String): Long = if (key == null || key == current) floor else 0

        fun toJson(): ByteArray =
            JSONObject()
                .put("version", version ?: JSONObject.NULL)
                .put("floor", floor)
                .put("public_key", key ?: JSONObject.NULL)
                .toString()
                .toByteArray()

        companion object {
            /** @throws IOException where there is one that cannot be read: its floor is not 0 */
            fun read(file: File): State =
                try {
                    val json = JSONObject(String(Files.readAllBytes(file.toPath())))
                    val version = if (json.isNull("version")) null else json.getLong("version")
                    val key = if (json.isNull("public_key")) null else json.getString("public_key")
                    State(version, json.getLong("floor"), key)
                } catch (_: NoSuchFileException) {
                    State(null, 0, null)
                } catch (error: JSONException) {
                    throw IOException("${file.name} is damaged", error)
                }
        }
    }

    private companion object {
        const val RECORD = "record.json"
    }
}
