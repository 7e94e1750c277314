package com.edgeconv.recognition

import com.edgeconv.recognition.model.ModelOutputs
import com.edgeconv.recognition.personal.PersonalFile
import com.edgeconv.recognition.personal.PersonalLayer
import com.edgeconv.recognition.personal.PersonalModel
import com.edgeconv.recognition.personal.PersonalState
import com.edgeconv.recognition.personal.WrongPersonalLayer
import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.Window
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** `personal.json`: what the reference makes of enrolled windows. */
class PersonalTest {
    private val file: JSONObject =
        checkNotNull(javaClass.getResource("/personal.json")).readText().let(::JSONObject)
    private val tolerance = file.getDouble("tolerance")

    @Test
    fun everyLayer() {
        val layers = file.getJSONArray("layers").objects()
        assertTrue(layers.isNotEmpty())
        for (json in layers) {
            val layer = PersonalLayer(model(json.getJSONObject("model")))
            for (step in json
                .getJSONArray(
                    "steps",
                ).objects()) {
                take(json.getString("name"), layer, step)
            }
            same(json.getString("name"), json.getJSONObject("document"), layer)
        }
    }

    private fun take(
        name: String,
        layer: PersonalLayer,
        step: JSONObject,
    ) {
        step.optJSONObject("enroll")?.let {
            val (outputs, embedding) = numbers(it)
            val accepted = layer.enroll(it.getInt("label"), outputs, embedding)
            assertEquals(name, step.getBoolean("accepted"), accepted)
        }
        if (step.has("forget")) {
            layer.forget(if (step.isNull("forget")) null else step.getInt("forget"))
        }
        step.optJSONObject("answer")?.let {
            val (outputs, embedding) = numbers(it)
            val answer = layer.answer(outputs, embedding, it.getDouble("unsure_below"))
            val expected = step.getJSONObject("expected")
            val label = if (expected.isNull("label")) null else expected.getInt("label")
            assertEquals(name, label, answer.label)
            assertEquals(name, expected.getBoolean("personal"), answer.isPersonal)
            val probabilities = expected.getJSONArray("probabilities").numbers()
            assertClose(name, probabilities, answer.probabilities, tolerance)
        }
        assertEquals(name, step.getString("state"), layer.state.name.lowercase())
    }

    @Test
    fun everyStoredLayer() {
        for (json in file.getJSONArray("stored").objects()) {
            val name = json.getString("name")
            val model = model(json.getJSONObject("model"))
            val text = json.get("document").toString()
            if (json.isNull("state")) {
                assertThrows(name, WrongPersonalLayer::class.java) { PersonalLayer.of(text, model) }
            } else {
                val layer = PersonalLayer.of(text, model)
                assertEquals(name, json.getString("state"), layer.state.name.lowercase())
                same(name, json.getJSONObject("document"), layer)
            }
        }
        assertThrows(WrongPersonalLayer::class.java) { PersonalLayer.of("{", PersonalFile()) }
    }

    @Test
    fun aModelLearnsItsUserWindowByWindow() {
        val labels = Contract.LABELS
        // It says the first class whatever happens; the embedding knows better.
        val outputs = FloatArray(labels.size) { if (it == 0) 0.6f else 0.4f / (labels.size - 1) }
        var embedding = floatArrayOf(1f, 0f)
        val layer = PersonalLayer(PersonalFile(embedding = 2, logits = false))
        val model = PersonalModel({ ModelOutputs(outputs, embedding) }, layer)
        val window = Window(0, 0, 0, FloatArray(0))
        assertEquals(0, model.outputs(window).let { all -> all.indices.maxBy { all[it] } })
        model.enrolling = labels[0]
        repeat(3) { model.outputs(window) }
        embedding = floatArrayOf(0f, 1f)
        model.enrolling = labels[1]
        repeat(3) { model.outputs(window) }
        model.enrolling = null
        assertEquals(PersonalState.ON, layer.state)
        assertEquals(1, model.outputs(window).let { all -> all.indices.maxBy { all[it] } })
        embedding = floatArrayOf(1f, 0f)
        assertEquals(0, model.outputs(window).let { all -> all.indices.maxBy { all[it] } })
        assertEquals(6, layer.windows.size)
        assertThrows(IllegalArgumentException::class.java) { model.enrolling = "no class" }
        assertThrows(IllegalArgumentException::class.java) {
            PersonalModel({ ModelOutputs(outputs) }, PersonalLayer(PersonalFile(embedding = 0)))
        }
    }

    private fun same(
        name: String,
        document: JSONObject,
        layer: PersonalLayer,
    ) {
        val written = JSONObject(layer.toJson())
        assertEquals(name, document.getString("model_sha256"), written.getString("model_sha256"))
        val (one, other) = listOf(document, written).map { it.getJSONArray("windows").objects() }
        assertEquals(name, one.map { it.getString("label") }, other.map { it.getString("label") })
        assertEquals(name, one.map(::numbers), other.map(::numbers))
        assertEquals(name, layer.state, PersonalLayer.of(layer.toJson(), layer.file).state)
    }

    private fun numbers(json: JSONObject) =
        json.getJSONArray("outputs").numbers() to json.getJSONArray("embedding").numbers()

    private fun model(json: JSONObject) =
        PersonalFile(
            json.getString("sha256"),
            json.getJSONArray("labels").let { List(it.length(), it::getString) },
            json.getInt("embedding"),
            json.getBoolean("logits"),
        )
}
