package com.edgeconv.recognition

import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.Decider
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class DeciderTest {
    @Test
    fun everyDecision() {
        assertTrue(Vectors.decisions.isNotEmpty())
        for (json in Vectors.decisions) check(json, Vectors.smoothedTolerance)
    }

    @Test
    fun everyUnsureDecision() {
        val file = checkNotNull(javaClass.getResource("/device.json")).readText()
        val decisions = JSONObject(file).getJSONArray("decisions").objects()
        assertTrue(decisions.isNotEmpty())
        for (json in decisions) check(json, 1e-9)
    }

    /** `stream.json` has no threshold: its label is the candidate. */
    private fun check(
        json: JSONObject,
        tolerance: Double,
    ) {
        val name = json.getString("name")
        val decider =
            Decider(
                logits = json.getBoolean("logits"),
                alpha = json.getDouble("alpha"),
                hysteresis = json.getDouble("hysteresis"),
                unsureBelow = json.optDouble("unsure_below", 0.0),
            )
        for (update in json.getJSONArray("updates").objects()) {
            val outputs = update.getJSONArray("outputs").numbers()
            val decision = decider.update(update.getInt("segment"), outputs)
            val candidate = if (update.has("candidate")) "candidate" else "label"
            if (update.isNull(candidate)) {
                assertEquals(name, null, decision)
                continue
            }
            assertEquals(name, update.getInt(candidate), decision?.candidate)
            assertEquals(name, update.isNull("label"), decision?.isUnsure)
            val smoothed = update.getJSONArray("probabilities").numbers()
            assertClose(name, smoothed, decision?.probabilities.orEmpty(), tolerance)
        }
    }

    @Test
    fun whatIsNotProbableEnoughIsNotShown() {
        val rest = 0.4 / (Contract.LABELS.size - 1)
        val probabilities = List(Contract.LABELS.size) { if (it == 1) 0.6 else rest }
        val shown = mapOf(0.0 to true, 0.6 to true, 0.61 to false)
        for ((limit, isShown) in shown) {
            val decision = Decider(logits = false, unsureBelow = limit).update(0, probabilities)
            assertEquals(1, decision?.candidate)
            assertEquals(Contract.LABELS[1].takeIf { isShown }, decision?.label)
        }
    }
}
