package com.edgeconv.model

import org.json.JSONArray
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import java.io.File

/** The model on a device that is right, wrong, and wrong on one unit only. */
class ProofTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val file =
        checkNotNull(javaClass.getResource("/${Contract.MODEL}")).readBytes().let(::ModelFile)
    private val selfTest = SelfTest.of(resource(Contract.SELF_TEST))
    private val opened = mutableListOf<String>()
    private var runs = 0

    /** What each unit adds to the last number of an output; NaN on a unit: its inference throws. */
    private var off = mapOf<String, Map<String, Double>>()

    @Test
    fun theModelIsTestedOnceAndTheRecordIsAResultsFile() {
        ModelRunner(keeper().open()).use { runner ->
            assertEquals(emptyList<String>(), golden.deviations(golden.run(runner)))
            val record = checkNotNull(runner.proof).record
            assertEquals(UNITS, record.passing(UNITS))
        }
        val tested = runs - golden.size - 8 * UNITS.size
        assertEquals(UNITS.size * selfTest.vectors.size, tested)
        assertTrue(tested < 50)
        val json = JSONObject(record.readText())
        assertEquals("edgeconv-golden-results", json.getString("format"))
        assertEquals("cpu", json.getString("chosen"))
        // Written for edgeconv's own CI, which lets `edgeconv golden check` judge it.
        System.getProperty("model.record")?.let { record.copyTo(File(it), true) }
        opened.clear()
        keeper().open()
        assertEquals(listOf("cpu"), opened) // the chosen one; nothing was tested again
        opened.clear()
        keeper("Android 17").open()
        assertEquals(UNITS, opened)
    }

    @Test
    fun aUnitThatIsWrongInAnyOutputIsNeverUsed() {
        for (spec in Contract.OUTPUTS) {
            record.delete()
            val wrong = 1.1 * golden.tolerance(spec.name) + if (spec.ints) 1 else 0
            off = mapOf("gpu" to mapOf(spec.name to wrong))
            val proven = keeper().open()
            assertEquals(listOf("cpu"), proven.record.passing(UNITS))
            val largest = checkNotNull(proven.record.result("gpu")?.largest)
            assertTrue(spec.name, largest > selfTest.tolerance)
            opened.clear()
            keeper().open()
            assertEquals(listOf("cpu"), opened)
        }
    }

    @Test
    fun aSmallDifferencePasses() {
        val floats = Contract.OUTPUTS.filterNot { it.ints }
        off = mapOf("gpu" to floats.associate { it.name to golden.tolerance(it.name) / 2 })
        assertEquals(UNITS, keeper().open().record.passing(UNITS))
    }

    @Test
    fun whereNothingComputesWhatItMustThereIsNoModel() {
        val name = Contract.OUTPUTS[0].name
        off = UNITS.associateWith { mapOf(name to 9e8) }
        val error = assertThrows(NoUnitPassed::class.java) { keeper().open() }
        val statuses = error.record.results.map { it.status }
        assertEquals(listOf(UnitStatus.FAILED, UnitStatus.FAILED), statuses)
    }

    @Test
    fun aUnitThatThrowsIsAnError() {
        off = mapOf("gpu" to mapOf("no such output" to 0.0))
        val proven = keeper().open()
        assertEquals(UnitStatus.ERROR, proven.record.result("gpu")?.status)
        assertEquals("cpu", proven.record.chosen)
    }

    @Test
    fun aVectorOfAnotherSizeIsNoTest() {
        val vector = selfTest.vectors[0]
        val outputs = RecordedEngine().run(vector.input).outputs
        assertEquals(vector.expected.map { it.toFloat() }, outputs.toList())
        for (wrong in listOf(vector.input + 0f, vector.input.copyOf(vector.input.size - 1))) {
            assertThrows(ModelException::class.java) { RecordedEngine().run(wrong) }
        }
    }

    @Test
    fun theFileSaysWhatTheLibraryWasMadeFor() {
        file.checkPackaged()
        val same = JSONObject().put("labels", JSONArray(Contract.LABELS))
        assertEquals(null, FileContract.difference(same))
        val other = JSONObject().put("labels", JSONArray(Contract.LABELS + "another"))
        assertTrue(FileContract.difference(other).orEmpty().startsWith("its classes are"))
        val changed = file.bytes.copyOf().also { it[it.size / 2]++ }
        assertThrows(ModelException::class.java) { ModelFile(changed).checkPackaged() }
    }

    private val record get() = File(folder.root, "record.json")

    private fun keeper(system: String = "Android 16") =
        ModelKeeper(
            folder.root,
            { file to selfTest },
            Surroundings("1.0", system, "a phone", UNITS),
        ) { _, _, unit ->
            opened.add(unit)
            RecordedEngine { outputs ->
                runs++
                for ((name, by) in off[unit].orEmpty()) {
                    outputs[name] = outputs.getValue(name).let { it.ending(last(it) + by) }
                }
            }
        }

    private fun last(tensor: Tensor): Double =
        when (tensor) {
            is Floats -> tensor.values.last().toDouble()
            is Ints -> tensor.values.last().toDouble()
        }

    private companion object {
        val UNITS = listOf("cpu", "gpu")
    }
}
