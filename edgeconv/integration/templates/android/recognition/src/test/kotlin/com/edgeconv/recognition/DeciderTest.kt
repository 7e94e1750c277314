package com.edgeconv.recognition

import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.Decider
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class DeciderTest {
    @Test
    fun everyDecision() {
        assertTrue(Vectors.decisions.isNotEmpty())
        for (json in Vectors.decisions) {
            val name = json.getString("name")
            val decider =
                Decider(
                    logits = json.getBoolean("logits"),
                    alpha = json.getDouble("alpha"),
                    hysteresis = json.getDouble("hysteresis"),
                    unsureBelow = 0.0,
                )
            for (update in json.getJSONArray("updates").objects()) {
                val outputs = update.getJSONArray("outputs").numbers()
                val decision = decider.update(update.getInt("segment"), outputs)
                if (update.isNull("label")) {
                    assertEquals(name, null, decision)
                } else {
                    assertEquals(name, update.getInt("label"), decision?.candidate)
                    val smoothed = update.getJSONArray("probabilities").numbers()
                    assertClose(
                        name,
                        smoothed,
                        decision?.probabilities.orEmpty(),
                        Vectors.smoothedTolerance,
                    )
                }
            }
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
