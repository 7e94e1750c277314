package com.edgeconv.recognition

import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.LowPass
import com.edgeconv.recognition.stream.Sample
import com.edgeconv.recognition.stream.SensorKind
import com.edgeconv.recognition.stream.SensorStream
import com.edgeconv.recognition.stream.StreamSettings
import com.edgeconv.recognition.stream.Window
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class SensorStreamTest {
    @Test
    fun filters() {
        for (filter in Vectors.filters) {
            val oversampling = LowPass.oversampling(filter.getDouble("sensor_hz"), Contract.RATE_HZ)
            assertEquals(filter.getInt("oversampling"), oversampling)
            val taps = LowPass.taps(oversampling).toList()
            assertClose("taps", filter.getJSONArray("taps").numbers(), taps, 1e-12)
        }
    }

    @Test
    fun everyStream() {
        assertTrue(Vectors.streams.isNotEmpty())
        for (recorded in Vectors.streams) {
            val stream = SensorStream(recorded.settings)
            val windows = mutableListOf<Window>()
            recorded.samples.forEachIndexed { position, sample ->
                if (position in recorded.restartBefore) stream.restart()
                windows += stream.push(sample)
            }
            assertEquals(recorded.name, recorded.segment, stream.segment)
            assertEquals(recorded.name, recorded.counts, stream.counts)
            assertEquals(recorded.name, recorded.waitingFor, stream.waitingFor)
            check(recorded, windows)
        }
    }

    @Test
    fun timeMayBeginAnywhere() {
        val recorded = Vectors.streams.first()
        val shift = 1_700_000_000_000_000_000
        val stream = SensorStream(recorded.settings)
        val windows =
            recorded.samples.flatMap {
                stream.push(
                    it.copy(
                        nanoseconds =
                            it.nanoseconds + shift,
                    ),
                )
            }
        assertEquals(
            recorded.windows.map { it.endNanoseconds },
            windows.map { it.endNanoseconds - shift },
        )
    }

    @Test
    fun wildTimes() {
        val stream = SensorStream()
        for (time in listOf(Long.MAX_VALUE, Long.MIN_VALUE, 0, Long.MIN_VALUE, Long.MAX_VALUE)) {
            assertTrue(stream.push(Sample(time, 0.0, 0.0, 9.8)).isEmpty())
        }
        assertEquals(4, stream.counts.gaps + stream.counts.clockResets)
    }

    @Test
    fun otherSensorsAreRefused() {
        val known = Contract.SENSORS.map { it.kind }
        for (kind in SensorKind.entries - known) {
            val sample = Sample(0, 0.0, 0.0, 0.0, kind)
            assertThrows(IllegalArgumentException::class.java) { SensorStream().push(sample) }
        }
        assertThrows(IllegalArgumentException::class.java) {
            StreamSettings(further = Contract.SENSORS)
        }
    }

    private fun check(
        recorded: RecordedStream,
        windows: List<Window>,
    ) {
        assertEquals(recorded.name, recorded.windows.map { it.number }, windows.map { it.number })
        assertEquals(recorded.name, recorded.windows.map { it.segment }, windows.map { it.segment })
        assertEquals(
            recorded.name,
            recorded.windows.map { it.endNanoseconds },
            windows.map { it.endNanoseconds },
        )
        recorded.windows.zip(windows) { expected, found ->
            val values = found.values.map(Float::toDouble)
            assertClose(recorded.name, expected.values, values, Vectors.valueTolerance)
        }
    }
}
