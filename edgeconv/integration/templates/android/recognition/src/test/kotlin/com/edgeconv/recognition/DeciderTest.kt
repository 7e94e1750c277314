package com.edgeconv.recognition

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
                )
            for (update in json.getJSONArray("updates").objects()) {
                val outputs = update.getJSONArray("outputs").numbers()
                val found = decider.update(update.getInt("segment"), outputs)
                if (update.isNull("label")) {
                    assertEquals(name, null, found)
                } else {
                    assertEquals(name, update.getInt("label"), found?.index)
                    val smoothed = update.getJSONArray("probabilities").numbers()
                    assertClose(
                        name,
                        smoothed,
                        found?.probabilities.orEmpty(),
                        Vectors.smoothedTolerance,
                    )
                }
            }
        }
    }
}
