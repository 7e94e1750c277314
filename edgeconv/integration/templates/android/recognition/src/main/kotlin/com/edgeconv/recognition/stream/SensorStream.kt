package com.edgeconv.recognition.stream

import kotlin.math.ceil
import kotlin.math.floor

/**
 * Turns samples with time stamps into the model's windows. Not for several threads at once.
 *
 * A phone's sensors deliver when they please. The stream converts units and sign, drops what cannot
 * be used, interpolates all sensors onto one even grid, filters as the training recordings were
 * filtered, and cuts windows. A gap restarts it: nothing is invented, and no sensor is ever replaced
 * by zeros. Nothing is allocated but for a window.
 */
class SensorStream(
    val settings: StreamSettings = StreamSettings(),
) {
    /** How often the stream has restarted. */
    var segment = 0
        private set

    /** What became of the samples so far. */
    val counts get() = Counts(accepted, notFinite, duplicate, late, gaps, clockResets, silent)

    /** The sensors without a sample since the last restart: no window comes without them. */
    val waitingFor get() = tracks.filter { it.isEmpty }.map { it.settings.kind }

    /** What each sensor really delivers, in Hz; null until it was measured for 5 s. */
    val deliveredHz: Map<SensorKind, Double?>
        get() = settings.sensors.indices.associate { settings.sensors[it].kind to rates[it].hertz }

    /** The sensors that deliver less than 0.8 of what they were asked for. */
    val slow: List<SensorKind>
        get() =
            settings.sensors.indices
                .filter { rates[it].isSlow }
                .map { settings.sensors[it].kind }

    private var accepted = 0
    private var notFinite = 0
    private var duplicate = 0
    private var late = 0
    private var gaps = 0
    private var clockResets = 0
    private var silent = 0

    private val taps = LowPass.taps(settings.oversampling)
    private val half = taps.size / 2
    private val tracks = settings.sensors.map { Track(it, pending()) }
    private val rates = settings.sensors.map { DeliveredRate(it.sensorHz, settings.silence) }
    private var handing = false // a window is with whoever gets it
    private val gravity =
        if (Contract.SOURCES.any { it.part != Part.WHOLE }) Gravity(settings.rateHz) else null
    private var number = 0

    // Since the last restart.
    private var started = false // every sensor is there, and the grid begins at `start`
    private var start = 0L
    private var next = 0 // the first point of the fine grid that a sensor has not reached
    private val fine = Ring(taps.size, AXES * tracks.size)
    private val steps = Ring(settings.window, CHANNELS)
    private var stepCount = 0
    private val point = DoubleArray(AXES * tracks.size) // of all sensors
    private val channels = DoubleArray(CHANNELS)

    /**
     * Takes one sample and hands each window that it completes to [onWindow].
     *
     * A sample completes the interval between the two before it: the curve there needs one
     * neighbour on each side. [onWindow] may call [restart]; nothing more comes of this sample then.
     *
     * @throws IllegalArgumentException where the model does not take this [sensor]
     * @throws IllegalStateException where [onWindow] of another sample calls this
     */
    fun push(
        nanoseconds: Long,
        x: Double,
        y: Double,
        z: Double,
        sensor: SensorKind = Contract.SENSORS[0].kind,
        onWindow: (Window) -> Unit,
    ) {
        check(!handing) { "a sample was pushed while a window was handed out" }
        val place = tracks.indexOfFirst { it.settings.kind == sensor }
        require(place >= 0) { "the model takes no $sensor" }
        val track = tracks[place]
        if (!(x.isFinite() && y.isFinite() && z.isFinite())) {
            notFinite++
            return
        }
        if (!track.isEmpty && !isInOrder(nanoseconds, track)) return
        if (tracks.any { !it.isEmpty && isSilent(it, nanoseconds) }) {
            silent++
            restart()
        }
        accepted++
        rates[place].update(nanoseconds)
        track.hold(nanoseconds, x, y, z)
        if (!started && tracks.none { it.isEmpty }) {
            started = true
            start = tracks.maxOf { it.newest }
        }
        if (started && track.hasCurve) evaluate(track, onWindow)
    }

    /** [push] for a [Sample]; returns the windows. */
    fun push(sample: Sample): List<Window> {
        val windows = mutableListOf<Window>()
        with(sample) { push(nanoseconds, x, y, z, sensor) { windows += it } }
        return windows
    }

    /** Forgets all samples, as after a gap. Counts and window numbers go on. */
    fun restart() {
        segment++
        started = false
        next = 0
        stepCount = 0
        tracks.forEach { it.clear() }
        gravity?.clear()
        fine.clear()
        steps.clear()
    }

    /** How many points of the fine grid one sensor may be ahead of another. */
    private fun pending(): Int {
        if (settings.sensors.size == 1) return 1
        val ahead = settings.silence + settings.sensors.maxOf { it.maxGap }
        return ceil(ahead / settings.spacing + 1).toInt()
    }

    /** Whether a sample at [time] is used; a gap or a clock that was set back restarts the stream. */
    private fun isInOrder(
        time: Long,
        track: Track,
    ): Boolean {
        val last = track.newest
        val difference = time - last
        val overflow = (time > last) != (difference > 0) && time != last
        val maxGap = track.settings.maxGap
        val isFar = overflow || difference > maxGap || difference < -maxGap
        when {
            isFar -> {
                if (time > last) gaps++ else clockResets++
                restart()
            }

            difference < 0 -> {
                late++
            }

            difference < track.settings.closest -> {
                duplicate++
            }
        }
        return isFar || difference >= track.settings.closest
    }

    /** Whether a sensor has given nothing for too long when this [time] comes. */
    private fun isSilent(
        track: Track,
        time: Long,
    ): Boolean {
        val difference = time - track.newest
        val overflow = time > track.newest && difference < 0
        return overflow || (time > track.newest && difference > settings.silence)
    }

    /** Every point of the fine grid that the sensor's curve reaches, and those that all reach. */
    private fun evaluate(
        track: Track,
        onWindow: (Window) -> Unit,
    ) {
        // Whoever gets a window may restart the stream: then there is nothing to go on with.
        val current = segment
        while (segment == current) {
            val time = gridTime(track.next)
            if (time >= track.until) return
            track.add(time)
            if (tracks.all { it.next > next }) join(onWindow)
        }
    }

    /** Never accumulated, so that no error grows. */
    private fun gridTime(index: Int) = start + floor(index * settings.spacing + 0.5).toLong()

    /** Keeps a point of the fine grid; where it completes a step, makes that step. */
    private fun join(onWindow: (Window) -> Unit) {
        tracks.forEachIndexed { i, track -> track.point(next).copyInto(point, AXES * i) }
        fine.add(point)
        val middle = next - half
        next++
        if (!fine.isFull || middle % settings.oversampling != 0) return
        for (column in point.indices) {
            // The sum of the taps is 1: a constant, such as gravity, passes without any rounding.
            val centre = fine[half, column]
            var sum = 0.0
            for (i in taps.indices) sum += taps[i] * (fine[i, column] - centre)
            point[column] = centre + sum
        }
        add(gridTime(middle), onWindow)
    }

    /** Keeps the channels of the step in `point`; none while gravity settles. */
    private fun add(
        time: Long,
        onWindow: (Window) -> Unit,
    ) {
        gravity?.update(point)
        if (gravity != null && gravity.left > 0) {
            gravity.left--
            return
        }
        Contract.SOURCES.forEachIndexed { channel, source ->
            val value = point[AXES * source.sensor + source.axis]
            val slow = gravity?.slow?.get(source.axis) ?: 0.0
            channels[channel] =
                when (source.part) {
                    Part.WHOLE -> value
                    Part.GRAVITY -> slow
                    Part.REST -> value - slow
                }
        }
        steps.add(channels)
        stepCount++
        val beyond = stepCount - settings.window
        if (beyond >= 0 && beyond % settings.step == 0) hand(window(time), onWindow)
    }

    private fun hand(
        window: Window,
        onWindow: (Window) -> Unit,
    ) {
        handing = true
        try {
            onWindow(window)
        } finally {
            handing = false
        }
    }

    private fun window(end: Long): Window {
        val values =
            FloatArray(settings.window * CHANNELS) { steps[it / CHANNELS, it % CHANNELS].toFloat() }
        return Window(number++, segment, end, values)
    }
}

/** Values in a step. */
internal val CHANNELS = Contract.SOURCES.size
