package com.edgeconv.recognition.phone

import android.content.Context
import android.hardware.Sensor
import android.hardware.SensorEvent
import android.hardware.SensorEventListener
import android.hardware.SensorManager
import android.os.Handler
import android.os.HandlerThread
import com.edgeconv.recognition.model.RecognitionException
import com.edgeconv.recognition.model.RecognitionException.Kind
import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.DeliveredRate
import com.edgeconv.recognition.stream.Reaction
import com.edgeconv.recognition.stream.Sample
import com.edgeconv.recognition.stream.SensorKind
import com.edgeconv.recognition.stream.SensorMonitor
import com.edgeconv.recognition.stream.SensorSettings
import com.edgeconv.recognition.stream.SensorState
import com.edgeconv.recognition.stream.StreamSettings
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import kotlin.math.ceil
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import com.edgeconv.recognition.stream.SensorEvent as Event

/**
 * The phone's sensors that the model takes, as one flow of samples, each with the time of its own
 * sensor.
 *
 * Accelerations are in m/s²: `TYPE_ACCELEROMETER` with gravity, `TYPE_LINEAR_ACCELERATION` and
 * `TYPE_GRAVITY` as Android tells them apart. `TYPE_GYROSCOPE` is in rad/s, its drift corrected. None
 * of them may be used in place of another.
 */
class Sensors internal constructor(
    context: Context,
    private val clock: () -> Long,
    private val checkEvery: Duration,
) {
    constructor(context: Context) : this(context, System::nanoTime, 1.seconds)

    private val manager = context.getSystemService(SensorManager::class.java)
    private val sensors: Map<SensorKind, Sensor?> =
        Contract.SENSORS.associate { it.kind to manager.getDefaultSensor(type(it.kind)) }
    private val accuracies = MutableStateFlow<Map<SensorKind, Int>>(emptyMap())
    private val mutableStates = MutableStateFlow(sensors.mapValues { SensorState.STOPPED })

    @Volatile
    private var session: Session? = null
    private var wasCollected = false

    /** What the model takes and this device has not. */
    val missing get() = sensors.filterValues { it == null }.keys.toList()

    val isAvailable get() = missing.isEmpty()

    /**
     * How far the system trusts its sensors, as it last said: `SensorManager.SENSOR_STATUS_…` of each
     * that said so. `SENSOR_STATUS_UNRELIABLE` and `SENSOR_STATUS_NO_CONTACT` mean that its readings
     * say little.
     */
    val accuracy: StateFlow<Map<SensorKind, Int>> = accuracies.asStateFlow()

    /** What each sensor does: the README says what an app makes of it. */
    val states: StateFlow<Map<SensorKind, SensorState>> = mutableStates.asStateFlow()

    /**
     * Readings for as long as the flow is collected, which arrive on a thread of their own. One
     * collector at a time.
     *
     * A collector that falls behind loses the oldest readings, never the newest: a gap, which
     * restarts the stream.
     *
     * @param settings of the stream that gets them, [com.edgeconv.recognition.Recognizer.settings]:
     *   the system is asked for their rates, and delivers about that
     * @param batch how long the sensor may collect readings before it wakes the processor; this
     *   saves the battery, and decisions come as late as that
     * @param held how much of the past is kept for a collector that is busy, besides a batch
     * @throws RecognitionException while collecting, where a sensor is missing or may not be read
     */
    fun samples(
        settings: StreamSettings,
        batch: Duration = Duration.ZERO,
        held: Duration = 10.seconds,
    ): Flow<Sample> {
        val seconds = (batch + held).inWholeMilliseconds / 1e3
        val capacity = ceil(seconds * settings.sensors.sumOf { it.sensorHz }).toInt()
        return callbackFlow {
            val thread = HandlerThread("sensors").apply { start() }
            val current = Session(settings, batch) { trySend(it) }
            val stop = {
                current.listeners.values.forEach(manager::unregisterListener)
                thread.quitSafely()
                current.end()
            }
            try {
                for (each in settings.sensors) {
                    register(each, current, batch, Handler(thread.looper))
                }
            } catch (error: RecognitionException) {
                stop()
                throw error
            }
            session = current
            launch {
                while (true) {
                    delay(checkEvery)
                    current.report(Event.CHECK)
                }
            }
            awaitClose { stop() }
        }.buffer(capacity.coerceAtLeast(1), BufferOverflow.DROP_OLDEST)
    }

    /** The app goes to the background, or the screen off: what comes until [resume] is not used. */
    fun pause() = session?.report(Event.SUSPEND)

    /** The app is back: the stream begins anew. */
    fun resume() = session?.report(Event.RESUME)

    private fun register(
        settings: SensorSettings,
        current: Session,
        batch: Duration,
        handler: Handler,
    ) {
        val kind = settings.kind
        val name = kind.name.lowercase().replace('_', ' ')
        current.report(Event.START, kind)
        val sensor = sensors[kind]
        if (sensor == null) {
            current.report(Event.MISSING, kind)
            throw RecognitionException(Kind.NO_SENSOR, "this device has no $name")
        }
        val interval = (1e6 / settings.sensorHz).toInt()
        val latency = batch.inWholeMicroseconds.toInt()
        val problem =
            try {
                val listener = current.listeners.getValue(kind)
                if (manager.registerListener(listener, sensor, interval, latency, handler)) return
                null
            } catch (error: SecurityException) {
                error
            }
        current.report(Event.DENIED, kind)
        val reason = "the $name cannot be read" + problem?.let { ": ${it.message}" }.orEmpty()
        throw RecognitionException(Kind.SENSOR_REFUSED, reason, problem)
    }

    /** One collection of samples. Its events come from several threads. */
    private inner class Session(
        settings: StreamSettings,
        batch: Duration,
        private val send: (Sample) -> Unit,
    ) {
        val listeners = sensors.keys.associateWith(::listener)
        private val patience = maxOf(SensorMonitor.PATIENCE, 2 * batch.inWholeNanoseconds)
        private val monitors = sensors.keys.associateWith { SensorMonitor(patience) }
        private val rates =
            settings.sensors.associate {
                it.kind to DeliveredRate(it.sensorHz, settings.silence)
            }
        private var begins = wasCollected.also { wasCollected = true }

        fun report(event: Event) {
            for (kind in sensors.keys) report(event, kind)
        }

        @Synchronized
        fun report(
            event: Event,
            kind: SensorKind,
            slow: Boolean = false,
        ): Reaction {
            val reaction = monitors.getValue(kind).update(event, clock(), slow)
            begins = begins || reaction.restart
            mutableStates.update { it + (kind to reaction.state) }
            return reaction
        }

        /** Whatever did not end by an error is stopped. */
        fun end() {
            val last = setOf(SensorState.MISSING, SensorState.DENIED)
            for (kind in sensors.keys) {
                if (mutableStates.value[kind] !in last) report(Event.STOP, kind)
            }
        }

        @Synchronized
        private fun take(
            kind: SensorKind,
            event: SensorEvent,
        ) {
            val rate = rates.getValue(kind)
            rate.update(event.timestamp)
            if (!report(Event.SAMPLE, kind, rate.isSlow).useSample) return
            val (x, y, z) = event.values
            val time = event.timestamp
            send(Sample(time, x.toDouble(), y.toDouble(), z.toDouble(), kind, begins))
            begins = false
        }

        private fun listener(kind: SensorKind) =
            object : SensorEventListener {
                override fun onSensorChanged(event: SensorEvent) = take(kind, event)

                override fun onAccuracyChanged(
                    sensor: Sensor,
                    accuracy: Int,
                ) = accuracies.update { it + (kind to accuracy) }
            }
    }

    private fun type(kind: SensorKind) =
        when (kind) {
            SensorKind.ACCELEROMETER -> Sensor.TYPE_ACCELEROMETER
            SensorKind.GYROSCOPE -> Sensor.TYPE_GYROSCOPE
            SensorKind.LINEAR_ACCELERATION -> Sensor.TYPE_LINEAR_ACCELERATION
            SensorKind.GRAVITY -> Sensor.TYPE_GRAVITY
        }
}
