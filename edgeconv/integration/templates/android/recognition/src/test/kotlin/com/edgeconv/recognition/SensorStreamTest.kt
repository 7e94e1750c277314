package com.edgeconv.recognition

import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.LowPass
import com.edgeconv.recognition.stream.Sample
import com.edgeconv.recognition.stream.SensorKind
import com.edgeconv.recognition.stream.SensorStream
import com.edgeconv.recognition.stream.StreamSettings
import com.edgeconv.recognition.stream.Window
import org.junit.Assert.assertArrayEquals
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
    fun aRestartByWhoeverGetsAWindowForgetsEverything() {
        val recorded = Vectors.streams.first { it.windows.isNotEmpty() && it.segment == 0 }
        val end = recorded.samples.last().nanoseconds - recorded.samples.first().nanoseconds
        val twice =
            recorded.samples +
                recorded.samples.map { it.copy(nanoseconds = it.nanoseconds + end + 20_000_000) }
        val stream = SensorStream(recorded.settings)
        val fresh = mutableListOf<Window>()
        var other = SensorStream(recorded.settings)
        val windows = mutableListOf<Window>()
        for (sample in twice) {
            val before = windows.size
            with(sample) {
                stream.push(nanoseconds, x, y, z, sensor) {
                    windows += it
                    stream.restart()
                }
            }
            fresh += other.push(sample).take(1)
            // What a new stream would make of the samples after the restart.
            if (windows.size > before) other = SensorStream(recorded.settings)
        }
        assertTrue(windows.size > 1)
        assertEquals(fresh.map { it.endNanoseconds }, windows.map { it.endNanoseconds })
        fresh.zip(windows) { one, two -> assertArrayEquals(one.values, two.values, 0f) }
        assertEquals(windows.indices.toList(), windows.map { it.segment })
    }

    @Test
    fun aSampleThatIsPushedByWhoeverGetsAWindowIsRefused() {
        val recorded = Vectors.streams.first { it.windows.isNotEmpty() && it.segment == 0 }
        val stream = SensorStream(recorded.settings)
        var refused = 0
        for (sample in recorded.samples) {
            with(sample) {
                stream.push(nanoseconds, x, y, z, sensor) {
                    assertThrows(IllegalStateException::class.java) { stream.push(sample) }
                    refused++
                }
            }
        }
        assertEquals(recorded.windows.size, refused)
        assertEquals(recorded.counts, stream.counts)
    }

    @Test
    fun aSlowSensorIsTold() {
        val kind = Contract.SENSORS[0].kind
        for ((hertz, isSlow) in mapOf(1.0 to false, 0.81 to false, 0.78 to true, 0.15 to true)) {
            val stream = SensorStream()
            val interval = 1e9 / (hertz * Contract.SENSOR_HZ)
            repeat(8 * Contract.SENSOR_HZ.toInt()) { i ->
                stream.push(Sample((i * interval).toLong(), 0.0, 0.0, 9.8))
            }
            val delivered = stream.deliveredHz.getValue(kind)
            assertEquals(hertz * Contract.SENSOR_HZ, delivered ?: 0.0, 0.01)
            assertEquals("$hertz", isSlow, kind in stream.slow)
        }
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
