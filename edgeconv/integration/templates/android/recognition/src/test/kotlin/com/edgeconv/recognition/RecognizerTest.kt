package com.edgeconv.recognition

import com.edgeconv.recognition.stream.SensorStream
import kotlinx.coroutines.flow.asFlow
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test

/**
 * From raw samples with time stamps to decisions. What the model answered is on record; the model
 * itself is asked by the instrumented test, which needs a phone.
 */
class RecognizerTest {
    @Test
    fun everyStreamIsDecidedAsByTheReference() =
        runBlocking {
            for (recorded in Vectors.streams.filter { it.restartBefore.isEmpty() }) {
                val model = Model { recorded.windows[it.number].outputs.toFloats() }
                val recognizer = Recognizer(model, SensorStream(recorded.settings))
                val found = recognizer.recognitions(recorded.samples.asFlow()).toList()
                val name = recorded.name
                assertEquals(
                    name,
                    recorded.windows.map { it.decision },
                    found.map { it.decision.index },
                )
                assertEquals(
                    name,
                    recorded.windows.map { it.endNanoseconds },
                    found.map { it.endNanoseconds },
                )
                recorded.windows.zip(found) { window, each ->
                    val smoothed = each.decision.probabilities
                    assertClose(name, window.smoothed, smoothed, Vectors.smoothedTolerance)
                }
            }
        }

    @Test
    fun theModelsErrorReachesTheCollector() {
        val recorded = Vectors.streams.first()
        val recognizer = Recognizer({ error("broken") }, SensorStream(recorded.settings))
        val thrown =
            assertThrows(IllegalStateException::class.java) {
                runBlocking { recognizer.recognitions(recorded.samples.asFlow()).toList() }
            }
        assertEquals("broken", thrown.message)
    }

    private fun List<Double>.toFloats() = FloatArray(size) { this[it].toFloat() }
}
