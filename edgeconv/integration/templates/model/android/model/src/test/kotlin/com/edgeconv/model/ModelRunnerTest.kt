package com.edgeconv.model

import com.edgeconv.model.ModelException.Kind
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File

/** The way to the model and back, with recorded answers. The model itself is asked on a phone. */
class ModelRunnerTest {
    @Test
    fun theGoldenVectorsComeThroughAndAWrongOutputIsNoticed() {
        val right = golden.run(ModelRunner(RecordedEngine()))
        assertEquals(emptyList<String>(), golden.deviations(right))
        for (spec in Contract.OUTPUTS) {
            val off = 3 * golden.tolerance(spec.name) + if (spec.ints) 1 else 0
            val engine =
                RecordedEngine { outputs ->
                    val tensor = outputs.getValue(spec.name)
                    val last = if (tensor is Floats) tensor.values.last() else 0
                    outputs[spec.name] = tensor.ending(last.toDouble() + off)
                }
            val found = golden.deviations(golden.run(ModelRunner(engine)))
            assertEquals(found.toString(), golden.size, found.size)
        }
    }

    @Test
    fun theResultsFileHoldsEveryOutput() {
        val found = golden.run(ModelRunner(RecordedEngine()))
        val document = golden.results(found, "a phone", "Android 15")
        assertEquals("edgeconv-golden-results", document.getString("format"))
        val result = document.getJSONArray("results").getJSONObject(0)
        assertEquals(Contract.SHA256, result.getString("sha256"))
        for (spec in Contract.OUTPUTS) {
            val rows = result.getJSONObject("outputs").getJSONArray(spec.name)
            assertEquals(golden.size, rows.length())
            assertEquals(spec.size, rows.getJSONArray(0).length())
        }
        // For edgeconv's own CI, which lets `edgeconv golden check` judge it.
        System.getProperty("golden.results")?.let { File(it).writeText("$document") }
    }

    @Test
    fun whatDoesNotFitIsRefusedBeforeTheModelIsAsked() {
        for (spec in Contract.INPUTS) {
            val right = golden.inputs(0).getValue(spec.name)
            refused(spec, Kind.WRONG_SIZE, null)
            refused(spec, Kind.WRONG_SIZE, right.shorter())
            if (spec.ints) {
                refused(spec, Kind.WRONG_SIZE, Floats(FloatArray(spec.size)))
                spec.limits?.let {
                    refused(spec, Kind.INPUT_OUT_OF_RANGE, right.ending(it.first - 1))
                    refused(spec, Kind.INPUT_OUT_OF_RANGE, right.ending(it.last + 1))
                }
            } else {
                refused(spec, Kind.WRONG_SIZE, Ints(IntArray(spec.size)))
                refused(spec, Kind.INPUT_NOT_FINITE, right.ending(Float.NaN))
                refused(spec, Kind.INPUT_NOT_FINITE, right.ending(Float.NEGATIVE_INFINITY))
            }
        }
    }

    @Test
    fun whatIsNoAnswerIsRefused() {
        for (spec in Contract.OUTPUTS) {
            wrong(spec, Kind.WRONG_OUTPUT) { it.remove(spec.name) }
            wrong(spec, Kind.WRONG_OUTPUT) { it[spec.name] = it.getValue(spec.name).shorter() }
            if (spec.ints) continue
            for (value in listOf(Float.NaN, Float.POSITIVE_INFINITY)) {
                wrong(spec, Kind.OUTPUT_NOT_FINITE) {
                    it[spec.name] = it.getValue(spec.name).ending(value)
                }
            }
        }
    }

    private fun refused(
        spec: TensorSpec,
        kind: Kind,
        tensor: Tensor?,
    ) {
        val engine = RecordedEngine()
        val inputs = golden.inputs(0).toMutableMap()
        if (tensor == null) inputs.remove(spec.name) else inputs[spec.name] = tensor
        thrown(spec, kind) { ModelRunner(engine).run(inputs) }
        assertEquals(0, engine.asked)
    }

    private fun wrong(
        spec: TensorSpec,
        kind: Kind,
        change: (MutableMap<String, Tensor>) -> Unit,
    ) = thrown(spec, kind) { ModelRunner(RecordedEngine(change)).run(golden.inputs(0)) }

    private fun thrown(
        spec: TensorSpec,
        kind: Kind,
        action: () -> Unit,
    ) {
        val error = assertThrows(ModelException::class.java) { action() }
        assertEquals(kind, error.kind)
        assertEquals(spec.name, error.tensor)
        assertTrue(error.message, spec.name in error.message.orEmpty())
    }
}
