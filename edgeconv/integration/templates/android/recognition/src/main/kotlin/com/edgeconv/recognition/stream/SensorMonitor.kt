package com.edgeconv.recognition.stream

/** What an app shows of a sensor. */
enum class SensorState {
    /** Not asked for. */
    STOPPED,

    /** Asked for; no sample yet. */
    WAITING,

    /** Samples come. */
    RECEIVING,

    /** Samples come at less than 0.8 of the rate asked for. */
    SLOW,

    /** Nothing came for longer than [SensorMonitor]'s patience. */
    SILENT,

    /** The app is in the background, or the screen is off. */
    SUSPENDED,

    /** This device has no such sensor. */
    MISSING,

    /** The user or the system does not let the app read it. */
    DENIED,
}

/** What an adapter reports. */
enum class SensorEvent {
    START,
    SAMPLE,

    /** A timer, about once a second. */
    CHECK,
    SUSPEND,
    RESUME,
    MISSING,
    DENIED,
    STOP,
}

/**
 * What follows from an event.
 *
 * @property state afterwards
 * @property restart whether the stream has to be restarted
 * @property useSample whether the stream gets the sample
 */
data class Reaction(
    val state: SensorState,
    val restart: Boolean = false,
    val useSample: Boolean = false,
)

/**
 * The state of one sensor, from what its adapter reports. Not for several threads at once.
 *
 * @param patience nanoseconds without a sample after which the sensor is silent
 */
class SensorMonitor(
    private val patience: Long = PATIENCE,
) {
    var state = SensorState.STOPPED
        private set

    private var since = 0L
    private var isNew = true

    init {
        require(patience > 0) { "patience is $patience" }
    }

    /**
     * @param nanoseconds of a clock that is never set
     * @param slow of a sample: whether the sensor is slow, this sample included
     */
    fun update(
        event: SensorEvent,
        nanoseconds: Long,
        slow: Boolean = false,
    ): Reaction {
        val listens = state in LISTENING
        when (event) {
            SensorEvent.START -> {
                return begin(nanoseconds)
            }

            SensorEvent.RESUME -> {
                if (state == SensorState.SUSPENDED) return begin(nanoseconds)
            }

            SensorEvent.SAMPLE -> {
                if (listens) return receive(nanoseconds, slow)
            }

            SensorEvent.CHECK -> {
                if (listens && nanoseconds - since >= patience) state = SensorState.SILENT
            }

            SensorEvent.SUSPEND -> {
                if (listens) state = SensorState.SUSPENDED
            }

            SensorEvent.MISSING -> {
                state = SensorState.MISSING
            }

            SensorEvent.DENIED -> {
                state = SensorState.DENIED
            }

            SensorEvent.STOP -> {
                state = SensorState.STOPPED
            }
        }
        return Reaction(state)
    }

    private fun begin(nanoseconds: Long): Reaction {
        val restart = !isNew
        isNew = false
        since = nanoseconds
        state = SensorState.WAITING
        return Reaction(state, restart)
    }

    private fun receive(
        nanoseconds: Long,
        slow: Boolean,
    ): Reaction {
        since = nanoseconds
        state = if (slow) SensorState.SLOW else SensorState.RECEIVING
        return Reaction(state, useSample = true)
    }

    companion object {
        /** Of a sensor that delivers each sample as it is read. */
        const val PATIENCE = 2_000_000_000L

        private val LISTENING =
            setOf(
                SensorState.WAITING,
                SensorState.RECEIVING,
                SensorState.SLOW,
                SensorState.SILENT,
            )
    }
}

/**
 * The rate of one sensor by its time stamps.
 *
 * @param asked for, in Hz
 * @param silence nanoseconds, of the stream; a pause longer than this and than a monitor's patience
 *   is no part of a rate: the sensor is silent then, or the app was suspended
 */
class DeliveredRate(
    private val asked: Double,
    silence: Long,
) {
    /** Samples a second over the last 5 s or so; null before they are over. */
    var hertz: Double? = null
        private set

    /** Whether it is known to be less than 0.8 of what was asked for. */
    val isSlow: Boolean get() = hertz.let { it != null && it < SLOW * asked }

    private val longest = maxOf(SensorMonitor.PATIENCE, silence)
    private var begun = false
    private var begin = 0L
    private var last = 0L
    private var samples = 0

    /** Counts a sample that is used. */
    fun update(nanoseconds: Long) {
        val elapsed = nanoseconds - last // a clock that overflows begins anew, too
        last = nanoseconds
        if (!begun || elapsed < 0 || elapsed > longest) {
            begun = true
            begin = nanoseconds
            samples = 0
            return
        }
        samples++
        if (nanoseconds - begin >= MEASURED) {
            hertz = samples * 1e9 / (nanoseconds - begin)
            begin = nanoseconds
            samples = 0
        }
    }

    private companion object {
        const val SLOW = 0.8
        const val MEASURED = 5_000_000_000L
    }
}
