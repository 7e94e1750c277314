package com.edgeconv.recognition

import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import com.edgeconv.recognition.phone.Models
import com.edgeconv.recognition.stream.SensorStream
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith

/** The model on this phone, on every recorded stream, against the recorded answers. */
@RunWith(AndroidJUnit4::class)
class ModelTest {
    @Test
    fun everyStream() {
        val context = InstrumentationRegistry.getInstrumentation().targetContext
        runBlocking { Models(context).open() }.use { classifier ->
            for (recorded in Vectors.streams.filter { it.restartBefore.isEmpty() }) {
                val recognizer =
                    Recognizer(classifier, SensorStream(recorded.settings)) { throw it }
                val recognitions = recorded.samples.flatMap(recognizer::push)
                assertEquals(recorded.name, recorded.windows.size, recognitions.size)
                recorded.windows.zip(recognitions) { window, each ->
                    val tolerance = Vectors.probabilityTolerance
                    assertClose(recorded.name, window.outputs, each.outputs, tolerance)
                    if (window.sure) assertEquals(window.decision, each.decision.candidate)
                }
            }
        }
    }
}
