package com.edgeconv.recognition

import com.edgeconv.recognition.model.Engine
import com.edgeconv.recognition.model.ModelFile
import com.edgeconv.recognition.model.ModelKeeper
import com.edgeconv.recognition.model.ModelOutputs
import com.edgeconv.recognition.model.NoUnitPassed
import com.edgeconv.recognition.model.Record
import com.edgeconv.recognition.model.Refusal
import com.edgeconv.recognition.model.SelfTest
import com.edgeconv.recognition.model.Surroundings
import com.edgeconv.recognition.model.UnitStatus
import com.edgeconv.recognition.model.UpdateCheck
import com.edgeconv.recognition.stream.Contract
import org.json.JSONArray
import org.json.JSONObject
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import java.io.File
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.Signature
import java.security.spec.ECGenParameterSpec
import java.util.Base64

/** Self-test, choice and updates of the model of this library, signed with a key of this test. */
class ModelKeeperTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val root get() = File(folder.root, "models of this app")
    private val modelFile = ModelFile(resource(Contract.MODEL))
    private val selfTest = SelfTest.of(String(resource(Contract.SELF_TEST)))
    private var keys = newKeys()
    private val opened = mutableListOf<String>()
    private var open = 0
    private var wrong = setOf<String>()
    private var closed = setOf<String>()
    private var nanoseconds = 0L
    private var slowMs = 0L
    private var afterOpening = {}

    @Before
    fun nothingWasOpened() = opened.clear()

    @After
    fun nothingStaysOpen() = assertEquals(0, open)

    @Test
    fun theModelIsTestedOnceAndTheRecordIsAResultsFile() {
        keeper(listOf("cpu", "gpu")).open().engine.close()
        assertEquals(listOf("cpu", "gpu"), opened)
        val json = JSONObject(File(root, "record.json").readText())
        assertEquals("edgeconv-golden-results", json.getString("format"))
        assertEquals(selfTest.golden, json.getString("golden"))
        assertEquals("cpu", json.getString("chosen"))
        for (result in json.getJSONArray("results").objects()) {
            assertEquals("passed", result.getString("status"))
            assertEquals(Contract.SHA256, result.getString("sha256"))
            assertEquals(Contract.MODEL.substringAfterLast('/'), result.getString("artifact"))
            assertTrue(result.getDouble("median_ms") >= 0)
            val rows = result.getJSONArray("outputs")
            assertEquals(result.getJSONArray("vectors").length(), rows.length())
        }
        // Written for edgeconv's own CI, which lets `edgeconv golden check` judge it.
        System
            .getProperty(
                "device.record",
            )?.let { File(root, "record.json").copyTo(File(it), true) }
        opened.clear()
        keeper(listOf("cpu", "gpu")).open().engine.close()
        assertEquals(listOf("cpu"), opened) // the chosen one; nothing was tested again
        opened.clear()
        keeper(listOf("cpu", "gpu"), system = "Android 17").open().engine.close()
        assertEquals(listOf("cpu", "gpu"), opened)
    }

    @Test
    fun aUnitThatIsWrongIsNeverUsedAndTheFasterOneIs() {
        wrong = setOf("npu")
        slowMs = 4
        val proven = keeper(listOf("cpu", "gpu", "npu")).open()
        proven.engine.close()
        assertEquals("gpu", proven.engine.name)
        assertEquals(UnitStatus.FAILED, proven.record.result("npu")?.status)
        opened.clear()
        keeper(listOf("cpu", "gpu", "npu")).open().engine.close()
        assertEquals(listOf("gpu"), opened)
    }

    @Test
    fun whereNothingComputesWhatItMustThereIsNoModel() {
        wrong = setOf("cpu", "gpu")
        val error = assertThrows(NoUnitPassed::class.java) { keeper(listOf("cpu", "gpu")).open() }
        assertEquals(2, error.record.results.size)
        opened.clear()
        assertThrows(NoUnitPassed::class.java) { keeper(listOf("cpu", "gpu")).open() }
        assertEquals(emptyList<String>(), opened)
    }

    @Test
    fun aUnitThatTookTheAppDownIsNotOpenedAgain() {
        afterOpening = { if (opened.last() == "gpu") throw StackOverflowError("the app is gone") }
        assertThrows(StackOverflowError::class.java) { keeper(listOf("cpu", "gpu")).open() }
        open = 0 // so is what it had open
        afterOpening = {}
        opened.clear()
        val proven = keeper(listOf("cpu", "gpu")).open()
        proven.engine.close()
        assertFalse("gpu" in opened)
        assertEquals(UnitStatus.ERROR, proven.record.result("gpu")?.status)
    }

    @Test
    fun anUpdateIsInstalledAndOnlyANewerOneAfterIt() {
        assertEquals(null, keeper().install(update(version = 3)).refusal)
        val proven = keeper().open().also { it.engine.close() }
        assertEquals(3L, proven.version)
        assertEquals(null, proven.rolledBack)
        assertEquals(Refusal.NOT_NEWER, keeper().install(update(version = 3)).refusal)
        assertEquals(Refusal.NOT_NEWER, keeper().install(update(version = 2)).refusal)
        assertEquals(null, keeper().install(update(version = 10)).refusal)
        assertEquals(listOf("10"), File(root, "models").list()?.toList())
        // The app itself came with a newer model: its own is used, and the floor stays.
        assertEquals(null, keeper(packagedVersion = 12).open().also { it.engine.close() }.version)
        assertEquals(emptyList<String>(), File(root, "models").list()?.toList())
        assertEquals(Refusal.NOT_NEWER, keeper().install(update(version = 10)).refusal)
    }

    @Test
    fun whateverWasTamperedWithIsRefusedAndTheOldModelStays() {
        assertEquals(Refusal.NO_KEY, keeper(key = "").install(update()).refusal)
        val model = selfTest.artifact
        val refusals =
            mapOf(
                Refusal.UNREADABLE to update(change = mapOf(UpdateCheck.SIGNATURE to null)),
                Refusal.WRONG_SIGNATURE to update { it.replaceFirst("{", "{ ") },
                Refusal.DAMAGED_FILE to update(change = mapOf(model to modelFile.bytes + 0)),
                Refusal.APP_TOO_OLD to update(minAppVersion = "2.10"),
                Refusal.OTHER_CONTRACT to update(contract = "0".repeat(64)),
            )
        for ((reason, files) in refusals) {
            assertEquals(reason, keeper().install(files).refusal)
            assertEquals(null, keeper().open().also { it.engine.close() }.version)
        }
        wrong = setOf("cpu of an update")
        val result = keeper().install(update())
        assertEquals(Refusal.SELF_TEST_FAILED, result.refusal)
        assertEquals(UnitStatus.FAILED, result.record?.result("cpu")?.status)
        assertEquals(emptyList<String>(), File(root, "models").list()?.toList())
    }

    @Test
    fun aSourceThatGivesAnOlderUpdateTheSecondTimeInstallsNothing() {
        keeper().install(update(version = 3))
        val (newer, older) = update(version = 5) to update(version = 2)
        val asked = mutableSetOf<String>()
        val result = keeper().install { if (asked.add(it)) newer(it) else older(it) }
        assertEquals(Refusal.DAMAGED_FILE, result.refusal)
        assertEquals(3L, keeper().open().also { it.engine.close() }.version)
        assertEquals(listOf("3"), File(root, "models").list()?.toList())
        assertEquals(null, keeper().install(newer).refusal)
    }

    @Test
    fun anUpdateThatProvesItselfNoMoreIsRolledBack() {
        keeper().install(update(version = 3))
        File(root, "models/3/${selfTest.artifact}").writeBytes(modelFile.bytes + 0)
        val proven = keeper().open().also { it.engine.close() }
        assertEquals(null, proven.version)
        assertTrue("${proven.rolledBack}", "damaged_file" in proven.rolledBack.orEmpty())
        assertEquals(null, keeper().open().also { it.engine.close() }.rolledBack)
        assertEquals(Refusal.NOT_NEWER, keeper().install(update(version = 3)).refusal)

        assertEquals(null, keeper().install(update(version = 4)).refusal)
        wrong = setOf("cpu of an update")
        val again = keeper(system = "Android 17").open().also { it.engine.close() }
        assertTrue("${again.rolledBack}", "no unit passed" in again.rolledBack.orEmpty())
    }

    @Test
    fun aUnitThatCouldNotBeOpenedIsTriedAgainAndChosenThen() {
        closed = setOf("gpu")
        slowMs = 4
        val units = listOf("cpu", "gpu")
        val first = keeper(units).open().also { it.engine.close() }
        assertEquals("cpu" to 1, first.record.chosen to first.record.result("gpu")?.errors)
        closed = emptySet()
        val second = keeper(units).open().also { it.engine.close() }
        assertEquals("gpu", second.engine.name)
        closed = setOf("gpu") // the chosen one, of which nothing is tested any more
        val third = keeper(units).open().also { it.engine.close() }
        assertEquals("cpu" to 2, third.engine.name to third.record.result("gpu")?.errors)
        repeat(3) { keeper(units).open().engine.close() }
        opened.clear()
        keeper(units).open().engine.close()
        assertEquals(listOf("cpu"), opened) // three errors were enough
    }

    @Test
    fun anUpdateThatCannotBeOpenedNowIsKept() {
        keeper().install(update(version = 3))
        closed = setOf("cpu of an update")
        repeat(4) {
            val proven = keeper(system = "Android 17").open().also { it.engine.close() }
            assertEquals(null to null, proven.version to proven.rolledBack)
            assertTrue("${proven.postponed}", "out of memory" in proven.postponed.orEmpty())
        }
        closed = emptySet()
        assertEquals(3L, keeper(system = "Android 17").open().also { it.engine.close() }.version)
        val model = File(root, "models/3/${selfTest.artifact}")
        val aside = File(root, "aside").also { model.renameTo(it) }
        File(model, "in the way").mkdirs() // a file that is there and cannot be read
        val proven = keeper().open().also { it.engine.close() }
        assertEquals(null to null, proven.version to proven.rolledBack)
        assertTrue(proven.postponed != null)
        model.deleteRecursively()
        aside.renameTo(model)
        assertEquals(3L, keeper().open().also { it.engine.close() }.version)
    }

    @Test
    fun aStateThatCannotBeReadTakesNoUpdateAndLowersNoFloor() {
        keeper().install(update(version = 3))
        val state = File(root, "installed.json")
        val content = state.readBytes()
        state.writeText("{")
        assertUnreadable()
        state.delete()
        File(state, "in the way").mkdirs()
        assertUnreadable()
        state.deleteRecursively()
        state.writeBytes(content)
        assertEquals(3L, keeper().open().also { it.engine.close() }.version)
    }

    private fun assertUnreadable() {
        assertEquals(Refusal.STORAGE_FAILED, keeper().install(update(version = 2)).refusal)
        assertEquals(Refusal.STORAGE_FAILED, keeper().install(update(version = 4)).refusal)
        val proven = keeper().open().also { it.engine.close() }
        assertEquals(null, proven.version)
        assertTrue(proven.postponed != null)
        assertEquals(listOf("3"), File(root, "models").list()?.toList())
    }

    @Test
    fun aFullDiskKeepsTheOldStateAndTheModelsAreOpenedAllTheSame() {
        keeper().install(update(version = 3))
        for (name in listOf("installed.json", "record.json", "models/3/record.json")) {
            File(root, "$name.part/in the way").mkdirs() // where nothing can be written
        }
        assertEquals(Refusal.STORAGE_FAILED, keeper().install(update(version = 4)).refusal)
        val units = listOf("cpu", "gpu")
        assertEquals(3L, keeper(units).open().also { it.engine.close() }.version)
        wrong = setOf("cpu of an update")
        val proven = keeper(system = "Android 17").open().also { it.engine.close() }
        assertEquals(null, proven.version)
        assertTrue(proven.rolledBack != null)
        File(root, "installed.json.part").deleteRecursively()
        assertEquals(Refusal.NOT_NEWER, keeper().install(update(version = 3)).refusal)
    }

    @Test
    fun aStolenKeyBlocksNothingOnceTheAppHasAnotherOne() {
        val stolen = keys
        assertEquals(null, keeper().install(update(version = Int.MAX_VALUE)).refusal)
        assertEquals(Refusal.NOT_NEWER, keeper().install(update(version = 4)).refusal)
        keys = newKeys()
        val proven = keeper(packagedVersion = 3).open().also { it.engine.close() }
        assertEquals(null, proven.version)
        assertTrue("${proven.rolledBack}", "wrong_signature" in proven.rolledBack.orEmpty())
        assertEquals(Refusal.NOT_NEWER, keeper(packagedVersion = 3).install(update(3)).refusal)
        assertEquals(null, keeper(packagedVersion = 3).install(update(version = 4)).refusal)
        assertEquals(4L, keeper(packagedVersion = 3).open().also { it.engine.close() }.version)
        val current = keys
        keys = stolen
        val more = update(version = 9)
        keys = current
        assertEquals(Refusal.WRONG_SIGNATURE, keeper().install(more).refusal)
    }

    @Test
    fun anInstallationThatWasInterruptedLeavesTheOldModel() {
        keeper().install(update(version = 3))
        val files = update(version = 4)
        var read = 0
        val gone = StackOverflowError("the app is gone")
        assertThrows(StackOverflowError::class.java) {
            keeper().install { path -> if (++read > 6) throw gone else files(path) }
        }
        assertEquals(3L, keeper().open().also { it.engine.close() }.version)
        assertEquals(listOf("3"), File(root, "models").list()?.toList())
        assertEquals(null, keeper().install(files).refusal)
    }

    @Test
    fun aRecordThatCannotBeReadCountsAsNone() {
        keeper().open().engine.close()
        for (text in listOf("", "{", "[]", "{\"format\": \"other\"}")) {
            File(root, "record.json").writeText(text)
            assertEquals(null, Record.of(text))
            opened.clear()
            keeper().open().engine.close()
            assertEquals(listOf("cpu"), opened)
        }
    }

    private fun keeper(
        units: List<String> = listOf("cpu"),
        system: String = "Android 16",
        key: String = Base64.getEncoder().encodeToString(keys.public.encoded),
        packagedVersion: Long = 0,
    ) = ModelKeeper(
        root,
        { modelFile to selfTest },
        Surroundings("2.3.1", system, "a phone", units),
        key,
        packagedVersion,
        { nanoseconds },
    ) { file, path, unit ->
        assertEquals(Contract.SHA256, file.sha256)
        opened += unit
        afterOpening()
        val isUpdate = path != null
        if (unit in closed || (isUpdate && "$unit of an update" in closed)) error("out of memory")
        open++
        StubEngine(unit, unit in wrong || (isUpdate && "$unit of an update" in wrong))
    }

    private inner class StubEngine(
        override val name: String,
        private val isWrong: Boolean,
    ) : Engine {
        override fun run(input: FloatArray): ModelOutputs {
            if (name == "cpu") nanoseconds += slowMs * 1_000_000
            val vector = selfTest.vectors.first { it.input.contentEquals(input) }
            val outputs = vector.expected.floats()
            if (isWrong) outputs[0] += 2 * selfTest.tolerance.toFloat()
            return ModelOutputs(outputs)
        }

        override fun close() {
            open--
        }
    }

    /** The files of an update with the library's own model, signed; some of them changed then. */
    private fun update(
        version: Int = 3,
        minAppVersion: String = "2.3",
        contract: String = Contract.CONTRACT_SHA256,
        change: Map<String, ByteArray?> = emptyMap(),
        edit: (String) -> String = { it },
    ): (String) -> ByteArray? {
        val test = resource(Contract.SELF_TEST)
        val files = mapOf(selfTest.artifact to modelFile.bytes, "selftest.json" to test)
        val manifest =
            JSONObject()
                .put("format", "edgeconv-update")
                .put("schema_version", 1)
                .put("name", Contract.NAME)
                .put("version", version)
                .put("min_app_version", minAppVersion)
                .put("contract_sha256", contract)
                .put(
                    "artifact",
                    JSONObject().put("name", selfTest.artifact).put("sha256", Contract.SHA256),
                ).put("self_test", "selftest.json")
                .put(
                    "files",
                    JSONArray(
                        files.map { (path, content) ->
                            JSONObject()
                                .put("path", path)
                                .put("bytes", content.size)
                                .put("sha256", UpdateCheck.sha256(content))
                        },
                    ),
                ).toString()
        val all =
            files +
                mapOf(
                    UpdateCheck.MANIFEST to edit(manifest).toByteArray(),
                    UpdateCheck.SIGNATURE to sign(manifest.toByteArray()),
                ) + change
        return all::get
    }

    /** r and s, 32 bytes each, as base64: Java gives them as DER. */
    private fun sign(content: ByteArray): ByteArray {
        val der =
            Signature.getInstance("SHA256withECDSA").run {
                initSign(keys.private)
                update(content)
                sign()
            }
        val r = der.copyOfRange(4, 4 + der[3])
        val s = der.copyOfRange(6 + der[3], der.size)
        val raw =
            listOf(
                r,
                s,
            ).map { ByteArray(32) + it }.map { it.copyOfRange(it.size - 32, it.size) }
        return Base64.getEncoder().encode(raw[0] + raw[1])
    }

    private fun newKeys(): KeyPair =
        KeyPairGenerator
            .getInstance("EC")
            .apply { initialize(ECGenParameterSpec("secp256r1")) }
            .generateKeyPair()

    private fun resource(name: String): ByteArray =
        checkNotNull(ModelKeeperTest::class.java.getResource("/$name")).readBytes()
}
