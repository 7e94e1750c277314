package com.edgeconv.recognition

import android.app.Activity
import android.hardware.Sensor
import android.hardware.SensorManager
import com.edgeconv.recognition.model.RecognitionException
import com.edgeconv.recognition.model.RecognitionException.Kind
import com.edgeconv.recognition.model.Refusal
import com.edgeconv.recognition.model.SelfTest
import com.edgeconv.recognition.model.UnitStatus
import com.edgeconv.recognition.phone.Classifier
import com.edgeconv.recognition.phone.ComputeUnit
import com.edgeconv.recognition.phone.Models
import com.edgeconv.recognition.phone.Sensors
import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.Sample
import com.edgeconv.recognition.stream.SensorState
import com.edgeconv.recognition.stream.SensorStream
import com.edgeconv.recognition.stream.StreamSettings
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
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.rules.Timeout
import kotlin.math.abs
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

/** Sensors and LiteRT through the library's adapters, on a phone of stubs that behave. */
class AdapterTest {
    @get:Rule
    val folder = TemporaryFolder()

    @get:Rule
    val timeout: Timeout = Timeout.seconds(60)

    private val context = Activity()

    @Before
    fun aPhone() {
        Phone.reset()
        LiteRt.reset()
        Phone.files = folder.root
        Phone.assets[Contract.MODEL] = resource(Contract.MODEL)
        Phone.assets[Contract.SELF_TEST] = resource(Contract.SELF_TEST)
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
            val samples = Sensors(context).samples(at(100.0), batch = 2.seconds)
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
                withTimeout(15_000) { got.await() },
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
                    sensors.samples(at(10.0), held = 1.seconds).collect {
                        times += it.nanoseconds
                        busy.await()
                    }
                }
            while (Phone.listening.size < Contract.SENSORS.size) delay(1)
            for (time in 1L..200) {
                Phone.listening[0].deliver(time, 0f, 0f, 0f)
                if (time == 1L) withTimeout(15_000) { while (times.isEmpty()) delay(1) }
            }
            Phone.listening[0].accuracy(1) // the last to come through
            withTimeout(15_000) { sensors.accuracy.first { it.isNotEmpty() } }
            busy.complete(Unit)
            withTimeout(15_000) { while (200L !in times) delay(1) }
            job.cancelAndJoin()
            assertEquals(listOf(1L) + (201L - 10 * Contract.SENSORS.size..200), times)
        }

    @Test
    fun accuracyIsTold() =
        runBlocking {
            val sensors = Sensors(context)
            val got = collecting { sensors.samples(StreamSettings()).take(1).toList() }
            Phone.listening[0].accuracy(SensorManager.SENSOR_STATUS_UNRELIABLE)
            Phone.listening[0].deliver(1, 0f, 0f, 9.8f)
            withTimeout(15_000) { got.await() }
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
    fun theStateOfEachSensorIsTold() =
        runBlocking {
            var now = 0L
            val sensors = Sensors(context, { now }, 1.milliseconds)
            val kind = Contract.SENSORS[0].kind
            assertEquals(SensorState.STOPPED, sensors.states.value[kind])
            val got = mutableListOf<Sample>()
            val samples = sensors.samples(StreamSettings())
            val job = launch(Dispatchers.Default) { samples.collect { got += it } }

            suspend fun becomes(state: SensorState) =
                withTimeout(15_000) { sensors.states.first { it[kind] == state } }

            suspend fun samples(count: Int) =
                withTimeout(15_000) {
                    while (got.size <
                        count
                    ) {
                        delay(1)
                    }
                }
            becomes(SensorState.WAITING)
            while (Phone.listening.size < Contract.SENSORS.size) delay(1)
            Phone.listening[0].deliver(1, 0f, 0f, 0f)
            becomes(SensorState.RECEIVING)
            samples(1)
            now = 3_000_000_000
            becomes(SensorState.SILENT)
            Phone.listening[0].deliver(2, 0f, 0f, 0f)
            becomes(SensorState.RECEIVING)
            samples(2)
            sensors.pause()
            becomes(SensorState.SUSPENDED)
            Phone.listening[0].deliver(3, 0f, 0f, 0f)
            Phone.listening[0].accuracy(1)
            withTimeout(15_000) { sensors.accuracy.first { it.isNotEmpty() } }
            sensors.resume()
            becomes(SensorState.WAITING)
            Phone.listening[0].deliver(4, 0f, 0f, 0f)
            samples(3)
            for (i in 5L..150) Phone.listening[0].deliver(i * 50_000_000, 0f, 0f, 0f)
            becomes(SensorState.SLOW)
            job.cancelAndJoin()
            becomes(SensorState.STOPPED)
            assertEquals(listOf(1L, 2, 4), got.take(3).map { it.nanoseconds })
            assertEquals(listOf(false, false, true), got.take(3).map { it.begins })
        }

    @Test
    fun theFirstSampleOfALaterCollectionForgetsWhatWasBefore() =
        runBlocking {
            val sensors = Sensors(context)
            for (begins in listOf(false, true)) {
                val got = collecting { sensors.samples(StreamSettings()).take(1).toList() }
                Phone.listening[0].deliver(1, 0f, 0f, 9.8f)
                assertEquals(begins, withTimeout(15_000) { got.await() }.single().begins)
                withTimeout(15_000) { while (Phone.listening.isNotEmpty()) delay(1) }
            }
        }

    @Test
    fun theModelProvesItselfOnEveryUnitAndTheRecordIsKept() {
        LiteRt.models["GPU"] = LiteRt.Model { mapOf("0" to FloatArray(Contract.LABELS.size)) }
        val models = Models(context, listOf(ComputeUnit.CPU, ComputeUnit.GPU, ComputeUnit.NPU))
        runBlocking { models.open() }.use { classifier ->
            assertEquals("LiteRT CompiledModel, cpu", classifier.runtime)
            val record = classifier.record
            val verdicts = listOf("cpu", "gpu", "npu").map { record.result(it)?.status }
            assertEquals(
                listOf(UnitStatus.PASSED, UnitStatus.FAILED, UnitStatus.ERROR),
                verdicts,
            )
            assertEquals("2.3.1", record.key.appVersion)
            answersAsRecorded(classifier)
        }
        assertTrue(models.record.readText(), "edgeconv-golden-results" in models.record.readText())
        assertThrows(
            IllegalArgumentException::class.java,
        ) { Models(context, listOf(ComputeUnit.GPU)) }
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
    fun whereNothingRunsTheModelThereIsATypedError() {
        LiteRt.models.clear()
        assertEquals(Kind.NO_UNIT_PASSED, openingFails())
        assertEquals(Kind.NO_UNIT_PASSED, openingFails())
    }

    @Test
    fun anotherFileThanTheTestedOneIsRefused() {
        val bytes = resource(Contract.MODEL)
        bytes[bytes.size / 2]++
        Phone.assets[Contract.MODEL] = bytes
        assertEquals(Kind.WRONG_MODEL, openingFails())
        Phone.assets.clear()
        assertEquals(Kind.WRONG_MODEL, openingFails())
    }

    @Test
    fun aFailedRunAndAShortAnswerAreTypedErrors() =
        runBlocking {
            val window = Window(0, 0, 0, FloatArray(Contract.WINDOW * Contract.CHANNELS.size))
            Models(context).open().use { classifier ->
                LiteRt.failing.add("CPU")
                assertEquals(Kind.MODEL_FAILED, fails { classifier.outputs(window) })
                LiteRt.models["CPU"] = LiteRt.Model { mapOf("0" to FloatArray(1)) }
                assertEquals(Kind.MODEL_FAILED, fails { classifier.outputs(window) })
            }
        }

    @Test
    fun anUpdateFromAFolderIsRefusedWhereTheLibraryHasNoKey() =
        runBlocking {
            val refusal = Models(context).install(folder.newFolder()).refusal
            val expected = if (Contract.UPDATE_KEY.isEmpty()) Refusal.NO_KEY else Refusal.UNREADABLE
            assertEquals(expected, refusal)
        }

    private fun interpreterAnswers() {
        val classifier = runBlocking { Models(context, folder = folder.newFolder()).open() }
        assertEquals("LiteRT Interpreter, cpu", classifier.runtime)
        classifier.use(::answersAsRecorded)
    }

    private fun answersAsRecorded(classifier: Classifier) {
        val recorded = Vectors.streams.first()
        val recognizer = Recognizer(classifier, SensorStream(recorded.settings)) { throw it }
        val found = recorded.samples.flatMap(recognizer::push)
        assertEquals(recorded.windows.map { it.decision }, found.map { it.decision.candidate })
    }

    /** What the model answered to the most similar window of streams and of the self-test. */
    private fun recorded(inputs: Map<String, Any>): Map<String, Any> {
        val values = inputs.getValue("0") as FloatArray
        val (_, outputs) =
            answers.minBy { (window, _) -> window.indices.sumOf { abs(window[it] - values[it]) } }
        return mapOf("0" to outputs.floats())
    }

    /** Settings with this rate for every sensor. */
    private fun at(hertz: Double) =
        StreamSettings(
            sensorHz = hertz,
            further = Contract.SENSORS.drop(1).map { it.copy(sensorHz = hertz) },
        )

    private fun openingFails() = fails { runBlocking { Models(context).open().close() } }

    private fun collectingFails() =
        fails { runBlocking { Sensors(context).samples(StreamSettings()).toList() } }
            .also { assertEquals(0, Phone.listening.size) }

    private fun fails(action: () -> Unit): Kind =
        assertThrows(RecognitionException::class.java) { action() }.kind

    private suspend fun <T> CoroutineScope.collecting(action: suspend () -> T) =
        CompletableDeferred<T>().also { result ->
            launch(Dispatchers.Default) { result.complete(action()) }
            while (Phone.listening.size < Contract.SENSORS.size) delay(1)
        }

    private companion object {
        val answers: List<Pair<List<Double>, List<Double>>> =
            Vectors.streams.flatMap { stream -> stream.windows.map { it.values to it.outputs } } +
                SelfTest.of(String(resource(Contract.SELF_TEST))).vectors.map { vector ->
                    vector.input.map(Float::toDouble) to vector.expected
                }

        fun resource(name: String): ByteArray =
            checkNotNull(AdapterTest::class.java.getResource("/$name")).readBytes()

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
