package com.edgeconv.recognition

import android.app.Activity
import android.hardware.Sensor
import android.hardware.SensorManager
import com.edgeconv.recognition.model.RecognitionException
import com.edgeconv.recognition.model.RecognitionException.Kind
import com.edgeconv.recognition.phone.Classifier
import com.edgeconv.recognition.phone.ComputeUnit
import com.edgeconv.recognition.phone.Sensors
import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.Sample
import com.edgeconv.recognition.stream.SensorStream
import com.edgeconv.recognition.stream.Window
import fakes.LiteRt
import fakes.Phone
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Before
import org.junit.Test
import kotlin.math.abs
import kotlin.time.Duration.Companion.seconds

/** Sensors and LiteRT through the library's adapters, on a phone of stubs that behave. */
class AdapterTest {
    private val context = Activity()

    @Before
    fun aPhone() {
        Phone.reset()
        LiteRt.reset()
        Phone.assets[Contract.MODEL] = resource(Contract.MODEL)
        for (unit in UNITS) LiteRt.models[unit] = LiteRt.Model(::recorded)
    }

    @After
    fun nothingStaysOpen() {
        assertEquals(0, LiteRt.open)
        assertEquals(0, Phone.listening.size)
    }

    @Test
    fun samplesArriveOnAThreadOfTheirOwnUntilNobodyCollects() =
        runBlocking {
            var thread = ""
            val samples = Sensors(context).samples(hertz = 100.0, batch = 2.seconds)
            val got =
                collecting {
                    samples.onEach { thread = Thread.currentThread().name }.take(3).toList()
                }
            assertEquals(listOf(10_000), Phone.listening.map { it.periodUs }.distinct())
            assertEquals(listOf(2_000_000), Phone.listening.map { it.latencyUs }.distinct())
            for (time in 1L..3) Phone.listening[0].deliver(time, 1f, 2f, 3f)
            val kind = Contract.SENSORS[0].kind
            assertEquals(
                List(3) { Sample(it + 1L, 1.0, 2.0, 3.0, kind) },
                withTimeout(5000) { got.await() },
            )
            assertFalse(thread, thread.startsWith("sensors")) // which only hands them over
        }

    @Test
    fun theOldestSamplesAreLostNotTheNewest() =
        runBlocking {
            val sensors = Sensors(context)
            val times = mutableListOf<Long>()
            val busy = CompletableDeferred<Unit>()
            val job =
                launch(Dispatchers.Default) {
                    sensors.samples(hertz = 10.0, held = 1.seconds).collect {
                        times += it.nanoseconds
                        busy.await()
                    }
                }
            while (Phone.listening.size < Contract.SENSORS.size) delay(1)
            for (time in 1L..200) {
                Phone.listening[0].deliver(time, 0f, 0f, 0f)
                if (time == 1L) withTimeout(5000) { while (times.isEmpty()) delay(1) }
            }
            Phone.listening[0].accuracy(1) // the last to come through
            withTimeout(5000) { sensors.accuracy.first { it.isNotEmpty() } }
            busy.complete(Unit)
            withTimeout(5000) { while (200L !in times) delay(1) }
            job.cancelAndJoin()
            assertEquals(listOf(1L) + (201L - 10 * Contract.SENSORS.size..200), times)
        }

    @Test
    fun accuracyIsTold() =
        runBlocking {
            val sensors = Sensors(context)
            val got = collecting { sensors.samples().take(1).toList() }
            Phone.listening[0].accuracy(SensorManager.SENSOR_STATUS_UNRELIABLE)
            Phone.listening[0].deliver(1, 0f, 0f, 9.8f)
            withTimeout(5000) { got.await() }
            val kind = Contract.SENSORS[0].kind
            assertEquals(
                mapOf(kind to SensorManager.SENSOR_STATUS_UNRELIABLE),
                sensors.accuracy.value,
            )
        }

    @Test
    fun aSensorThatIsMissingOrRefusedIsATypedErrorAndNothingGoesOn() {
        val last = Sensors(context).run { Contract.SENSORS.last().kind }
        val type = TYPES.getValue(last.name)
        Phone.absent.add(type)
        assertEquals(listOf(last), Sensors(context).missing)
        assertEquals(Kind.NO_SENSOR, collectingFails())
        Phone.absent.clear()
        Phone.refused.add(type)
        assertEquals(Kind.SENSOR_REFUSED, collectingFails())
        Phone.refused.clear()
        Phone.forbidden.add(type)
        assertEquals(Kind.SENSOR_REFUSED, collectingFails())
    }

    @Test
    fun theModelIsAskedOnTheUnitThatWasChosen() {
        for ((unit, name) in mapOf(
            ComputeUnit.CPU to "LiteRT CompiledModel, cpu",
            ComputeUnit.GPU to "LiteRT CompiledModel, gpu",
        )) {
            val classifier = runBlocking { Classifier.packaged(context, unit) }
            assertEquals(name, classifier.runtime)
            classifier.use(::answersAsRecorded)
        }
    }

    @Test
    fun theInterpreterTakesOverWhereTheCpuHasNoCompiledModel() {
        LiteRt.models.remove("CPU")
        interpreterAnswers()
        LiteRt.models["CPU"] = LiteRt.Model(::recorded)
        LiteRt.missing = true
        interpreterAnswers()
    }

    @Test
    fun aUnitThatCannotRunTheModelIsATypedError() {
        assertEquals(Kind.MODEL_FAILED, openingFails(ComputeUnit.NPU))
        LiteRt.models.clear()
        assertEquals(Kind.MODEL_FAILED, openingFails(ComputeUnit.CPU))
    }

    @Test
    fun anotherFileThanTheTestedOneIsRefused() {
        val bytes = resource(Contract.MODEL)
        bytes[bytes.size / 2]++
        Phone.assets[Contract.MODEL] = bytes
        assertEquals(Kind.WRONG_MODEL, openingFails(ComputeUnit.CPU))
        Phone.assets.clear()
        assertEquals(Kind.WRONG_MODEL, openingFails(ComputeUnit.CPU))
    }

    @Test
    fun aFailedRunAndAShortAnswerAreTypedErrors() =
        runBlocking {
            val window = Window(0, 0, 0, FloatArray(Contract.WINDOW * Contract.CHANNELS.size))
            Classifier.packaged(context).use { classifier ->
                LiteRt.failing.add("CPU")
                assertEquals(Kind.MODEL_FAILED, fails { classifier.outputs(window) })
                LiteRt.models["CPU"] = LiteRt.Model { mapOf("0" to FloatArray(1)) }
                assertEquals(Kind.MODEL_FAILED, fails { classifier.outputs(window) })
            }
        }

    private fun interpreterAnswers() {
        val classifier = runBlocking { Classifier.packaged(context) }
        assertEquals("LiteRT Interpreter, cpu", classifier.runtime)
        classifier.use(::answersAsRecorded)
    }

    private fun answersAsRecorded(classifier: Classifier) {
        val recorded = Vectors.streams.first()
        val recognizer = Recognizer(classifier, SensorStream(recorded.settings)) { throw it }
        val found = recorded.samples.flatMap(recognizer::push)
        assertEquals(recorded.windows.map { it.decision }, found.map { it.decision.candidate })
    }

    /** What the model answered to the most similar recorded window. */
    private fun recorded(inputs: Map<String, Any>): Map<String, Any> {
        val values = inputs.getValue("0") as FloatArray
        val windows = Vectors.streams.flatMap { it.windows }
        val window =
            windows.minBy { window ->
                window.values.indices.sumOf { abs(window.values[it] - values[it]) }
            }
        return mapOf("0" to FloatArray(window.outputs.size) { window.outputs[it].toFloat() })
    }

    private fun openingFails(unit: ComputeUnit) =
        fails { runBlocking { Classifier.packaged(context, unit).close() } }

    private fun collectingFails() =
        fails { runBlocking { Sensors(context).samples().toList() } }
            .also { assertEquals(0, Phone.listening.size) }

    private fun fails(action: () -> Unit): Kind =
        assertThrows(RecognitionException::class.java) { action() }.kind

    private suspend fun <T> CoroutineScope.collecting(action: suspend () -> T) =
        CompletableDeferred<T>().also { result ->
            launch(Dispatchers.Default) { result.complete(action()) }
            while (Phone.listening.size < Contract.SENSORS.size) delay(1)
        }

    private fun resource(name: String): ByteArray =
        checkNotNull(AdapterTest::class.java.getResource("/$name")).readBytes()

    private companion object {
        val UNITS = listOf("CPU", "GPU", "Interpreter")

        val TYPES =
            mapOf(
                "ACCELEROMETER" to Sensor.TYPE_ACCELEROMETER,
                "GYROSCOPE" to Sensor.TYPE_GYROSCOPE,
                "GRAVITY" to Sensor.TYPE_GRAVITY,
                "LINEAR_ACCELERATION" to Sensor.TYPE_LINEAR_ACCELERATION,
            )
    }
}
