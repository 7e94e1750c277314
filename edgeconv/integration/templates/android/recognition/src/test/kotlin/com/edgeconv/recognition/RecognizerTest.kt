package com.edgeconv.recognition

import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.EnergySaver
import com.edgeconv.recognition.stream.Sample
import com.edgeconv.recognition.stream.SensorStream
import kotlinx.coroutines.flow.asFlow
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
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
                val recognizer =
                    Recognizer(model, SensorStream(recorded.settings), onFailure = ::fail)
                val recognitions = recognizer.recognitions(recorded.samples.asFlow()).toList()
                val name = recorded.name
                assertEquals(
                    name,
                    recorded.windows.map { it.decision },
                    recognitions.map { it.decision.candidate },
                )
                assertEquals(
                    name,
                    recorded.windows.map { it.endNanoseconds },
                    recognitions.map { it.endNanoseconds },
                )
                recorded.windows.zip(recognitions) { window, each ->
                    val smoothed = each.decision.probabilities
                    assertClose(name, window.smoothed, smoothed, Vectors.smoothedTolerance)
                }
            }
        }

    @Test
    fun whatIsNotFiniteIsNoAnswer() {
        val recorded = Vectors.streams.first { it.windows.size > 1 && it.restartBefore.isEmpty() }
        val model =
            Model { window ->
                val outputs = recorded.windows[window.number].outputs.toFloats()
                outputs.also { if (window.number == 0) it[0] = Float.NaN }
            }
        val recognizer = Recognizer(model, SensorStream(recorded.settings), onFailure = ::fail)
        val recognitions = recorded.samples.flatMap(recognizer::push)
        assertEquals(
            recorded.windows.drop(1).map { it.endNanoseconds },
            recognitions.map { it.endNanoseconds },
        )
        assertEquals(1, recognizer.notFiniteOutputs)
        assertTrue(recognitions.all { each -> each.outputs.all(Double::isFinite) })
    }

    @Test
    fun aModelThatThrowsIsToldAndRecognitionGoesOn() {
        val recorded = Vectors.streams.first { it.windows.size > 1 && it.restartBefore.isEmpty() }
        val model =
            Model { window ->
                if (window.number == 0) error("broken")
                recorded.windows[window.number].outputs.toFloats()
            }
        val messages = mutableListOf<String?>()
        val stream = SensorStream(recorded.settings)
        val recognizer = Recognizer(model, stream) { messages += it.message }
        val recognitions =
            runBlocking { recognizer.recognitions(recorded.samples.asFlow()).toList() }
        assertEquals(listOf("broken"), messages)
        assertEquals(recorded.windows.size - 1, recognitions.size)
    }

    @Test
    fun windowsAreLeftOutWhileNothingMoves() {
        var asked = 0
        val model = Model { FloatArray(Contract.LABELS.size) { 0f }.also { asked++ } }
        val recognizer =
            Recognizer(model, saver = EnergySaver(after = 1, factor = 3), onFailure = ::fail)
        val seconds = (Contract.WINDOW + 8 * Contract.STEP) / Contract.RATE_HZ + 2 + SETTLING
        repeat((seconds * Contract.SENSOR_HZ).toInt()) { i ->
            val time = (i * 1e9 / Contract.SENSOR_HZ).toLong()
            for (each in Contract.SENSORS) recognizer.push(Sample(time, 0.0, 0.0, 9.8, each.kind))
        }
        val windows = asked + recognizer.leftOut
        assertTrue("$windows", windows >= 8)
        assertEquals(2 + (windows - 2) / 3, asked)
    }

    @Test
    fun aSampleThatBeginsAfterAPauseForgetsWhatWasBefore() {
        val recorded = Vectors.streams.first { it.windows.isNotEmpty() && it.segment == 0 }
        val stream = SensorStream(recorded.settings)
        val recognizer = Recognizer({ error("not asked") }, stream) { throw it }
        recognizer.push(recorded.samples[0])
        recognizer.push(recorded.samples[1].copy(begins = true))
        assertEquals(1, stream.segment)
    }

    private fun fail(error: Exception): Unit = throw error

    private fun List<Double>.toFloats() = FloatArray(size) { this[it].toFloat() }

    private companion object {
        /** Seconds that a filter for gravity needs, where the model has one. */
        const val SETTLING = 7
    }
}
