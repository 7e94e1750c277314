package com.edgeconv.recognition.stream

import kotlin.math.floor

/**
 * Turns samples with time stamps into the model's windows. Not for several threads at once.
 *
 * A phone's sensor delivers when it pleases. The stream converts unit and sign, drops what cannot
 * be used, interpolates onto an even grid, filters as the training recordings were filtered, and
 * cuts windows. A gap restarts it: nothing is invented. Nothing is allocated but for a window.
 */
class SensorStream(
    val settings: StreamSettings = StreamSettings(),
) {
    /** How often the stream has restarted. */
    var segment = 0
        private set

    /** What became of the samples so far. */
    val counts get() = Counts(accepted, notFinite, duplicate, late, gaps, clockResets)

    private var accepted = 0
    private var notFinite = 0
    private var duplicate = 0
    private var late = 0
    private var gaps = 0
    private var clockResets = 0

    private val taps = LowPass.taps(settings.oversampling)
    private val half = taps.size / 2
    private var number = 0

    // The last four samples, oldest first; `held` of them are there.
    private val times = LongArray(RECENT)
    private val recent = Array(RECENT) { DoubleArray(CHANNELS) }
    private var held = 0

    // Since the last restart.
    private var start = 0L
    private var next = 0 // the first point of the fine grid that has no value yet
    private val fine = Ring(taps.size)
    private val steps = Ring(settings.window)
    private var made = 0
    private val point = DoubleArray(CHANNELS)

    /**
     * Takes one sample and hands each window that it completes to [onWindow].
     *
     * A sample completes the interval between the two before it: the curve there needs one
     * neighbour on each side.
     */
    fun push(
        nanoseconds: Long,
        x: Double,
        y: Double,
        z: Double,
        onWindow: (Window) -> Unit,
    ) {
        if (!(x.isFinite() && y.isFinite() && z.isFinite())) {
            notFinite++
            return
        }
        if (held > 0 && !isInOrder(nanoseconds, times[held - 1])) return
        accepted++
        if (held == 0) start = nanoseconds
        hold(nanoseconds, x, y, z)
        if (held >= ENOUGH) evaluate(onWindow)
    }

    /** [push] for a [Sample]; returns the windows. */
    fun push(sample: Sample): List<Window> {
        val windows = mutableListOf<Window>()
        push(sample.nanoseconds, sample.x, sample.y, sample.z) { windows += it }
        return windows
    }

    /** Forgets all samples, as after a gap. Counts and window numbers go on. */
    fun restart() {
        segment++
        held = 0
        next = 0
        made = 0
        fine.clear()
        steps.clear()
    }

    /** Whether a sample at [time] is used; a gap or a clock that was set back restarts the stream. */
    private fun isInOrder(
        time: Long,
        last: Long,
    ): Boolean {
        val difference = time - last
        val overflow = (time > last) != (difference > 0) && time != last
        val isFar = overflow || difference > settings.maxGap || difference < -settings.maxGap
        when {
            isFar -> {
                if (time > last) gaps++ else clockResets++
                restart()
            }

            difference < 0 -> {
                late++
            }

            difference < settings.closest -> {
                duplicate++
            }
        }
        return isFar || difference >= settings.closest
    }

    private fun hold(
        nanoseconds: Long,
        x: Double,
        y: Double,
        z: Double,
    ) {
        if (held == RECENT) {
            val oldest = recent[0]
            for (i in 1 until RECENT) {
                times[i - 1] = times[i]
                recent[i - 1] = recent[i]
            }
            recent[RECENT - 1] = oldest
            held--
        }
        times[held] = nanoseconds
        recent[held][0] = x * settings.factor
        recent[held][1] = y * settings.factor
        recent[held][2] = z * settings.factor
        held++
    }

    /** Every point of the fine grid from the last sample but two up to the last but one. */
    private fun evaluate(onWindow: (Window) -> Unit) {
        val from = times[held - 3]
        val to = times[held - 2]
        while (true) {
            val time = gridTime(next)
            if (time >= to) return
            val u = (time - from).toDouble() / (to - from)
            for (channel in 0 until CHANNELS) point[channel] = curve(channel, u)
            filter(onWindow)
            next++
        }
    }

    /** A cubic between two samples, through their neighbours too; [u] is from 0 to below 1. */
    private fun curve(
        channel: Int,
        u: Double,
    ): Double {
        val first = held - 3
        val length = (times[first + 1] - times[first]).toDouble()
        val value = recent[first][channel]
        val rise = recent[first + 1][channel] - value
        val after = recent[first + 2][channel] - recent[first + 1][channel]
        val end = slope(rise, after, length / (times[first + 2] - times[first + 1]))
        val begin =
            if (first == 0) {
                2 * rise - end // the parabola through the first three samples
            } else {
                val before = value - recent[first - 1][channel]
                slope(rise, before, length / (times[first] - times[first - 1]))
            }
        val bend = 3 * rise - 2 * begin - end
        return value + u * (begin + u * (bend + u * (begin + end - 2 * rise)))
    }

    /**
     * Slope of the parabola through three samples at the middle one, times this interval's length.
     * [other] is the difference over the neighbouring interval, [ratio] this length by that one's.
     */
    private fun slope(
        rise: Double,
        other: Double,
        ratio: Double,
    ) = (rise + ratio * ratio * other) / (1 + ratio)

    /** Never accumulated, so that no error grows. */
    private fun gridTime(index: Int) = start + floor(index * settings.spacing + 0.5).toLong()

    /** Keeps a point of the fine grid; where it completes a step, makes that step. */
    private fun filter(onWindow: (Window) -> Unit) {
        fine.add(point)
        val middle = next - half
        if (!fine.isFull || middle % settings.oversampling != 0) return
        for (channel in 0 until CHANNELS) {
            // The sum of the taps is 1: a constant, such as gravity, passes without any rounding.
            val centre = fine[half, channel]
            var sum = 0.0
            for (i in taps.indices) sum += taps[i] * (fine[i, channel] - centre)
            point[channel] = centre + sum
        }
        steps.add(point)
        made++
        val beyond = made - settings.window
        if (beyond >= 0 && beyond % settings.step == 0) onWindow(window(gridTime(middle)))
    }

    private fun window(end: Long): Window {
        val values =
            FloatArray(settings.window * CHANNELS) { steps[it / CHANNELS, it % CHANNELS].toFloat() }
        return Window(number++, segment, end, values)
    }

    private companion object {
        const val RECENT = 4
        const val ENOUGH = 3
    }
}
