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
import com.edgeconv.recognition.stream.Sample
import com.edgeconv.recognition.stream.SensorKind
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.channels.ProducerScope
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.update
import kotlin.math.ceil
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/**
 * The phone's sensors that the model takes, as one flow of samples, each with the time of its own
 * sensor.
 *
 * Accelerations are in m/s²: `TYPE_ACCELEROMETER` with gravity, `TYPE_LINEAR_ACCELERATION` and
 * `TYPE_GRAVITY` as Android tells them apart. `TYPE_GYROSCOPE` is in rad/s, its drift corrected. None
 * of them may be used in place of another.
 */
class Sensors(
    context: Context,
) {
    private val manager = context.getSystemService(SensorManager::class.java)
    private val sensors: Map<SensorKind, Sensor?> =
        Contract.SENSORS.associate { it.kind to manager.getDefaultSensor(type(it.kind)) }
    private val accuracies = MutableStateFlow<Map<SensorKind, Int>>(emptyMap())

    /** What the model takes and this device has not. */
    val missing get() = sensors.filterValues { it == null }.keys.toList()

    val isAvailable get() = missing.isEmpty()

    /**
     * How far the system trusts its sensors, as it last said: `SensorManager.SENSOR_STATUS_…` of each
     * that said so. `SENSOR_STATUS_UNRELIABLE` and `SENSOR_STATUS_NO_CONTACT` mean that its readings
     * say little.
     */
    val accuracy: StateFlow<Map<SensorKind, Int>> = accuracies.asStateFlow()

    /**
     * Readings for as long as the flow is collected, which arrive on a thread of their own.
     *
     * A collector that falls behind loses the oldest readings, never the newest: a gap, which
     * restarts the stream.
     *
     * @param hertz what the system is asked for; it delivers about that
     * @param batch how long the sensor may collect readings before it wakes the processor; this
     *   saves the battery, and decisions come as late as that
     * @param held how much of the past is kept for a collector that is busy, besides a batch
     * @throws RecognitionException while collecting, where a sensor is missing or may not be read
     */
    fun samples(
        hertz: Double = Contract.SENSOR_HZ,
        batch: Duration = Duration.ZERO,
        held: Duration = 10.seconds,
    ): Flow<Sample> {
        val seconds = (batch + held).inWholeMilliseconds / 1e3
        val capacity = ceil(seconds * hertz * sensors.size).toInt().coerceAtLeast(1)
        return callbackFlow {
            val thread = HandlerThread("sensors").apply { start() }
            val listeners = sensors.keys.associateWith { listener(it) }
            val stop = {
                listeners.values.forEach(manager::unregisterListener)
                thread.quitSafely()
            }
            try {
                for ((kind, listener) in listeners) {
                    register(kind, listener, hertz, batch, Handler(thread.looper))
                }
            } catch (error: RecognitionException) {
                stop()
                throw error
            }
            awaitClose { stop() }
        }.buffer(capacity, BufferOverflow.DROP_OLDEST)
    }

    private fun register(
        kind: SensorKind,
        listener: SensorEventListener,
        hertz: Double,
        batch: Duration,
        handler: Handler,
    ) {
        val name = kind.name.lowercase().replace('_', ' ')
        val sensor =
            sensors[kind]
                ?: throw RecognitionException(Kind.NO_SENSOR, "this device has no $name")
        val interval = (1e6 / hertz).toInt()
        val latency = batch.inWholeMicroseconds.toInt()
        val registered =
            try {
                manager.registerListener(listener, sensor, interval, latency, handler)
            } catch (error: SecurityException) {
                throw RecognitionException(Kind.SENSOR_REFUSED, "${error.message}", error)
            }
        if (!registered) {
            throw RecognitionException(Kind.SENSOR_REFUSED, "the $name cannot be read")
        }
    }

    private fun ProducerScope<Sample>.listener(kind: SensorKind) =
        object : SensorEventListener {
            override fun onSensorChanged(event: SensorEvent) {
                val (x, y, z) = event.values
                trySend(Sample(event.timestamp, x.toDouble(), y.toDouble(), z.toDouble(), kind))
            }

            override fun onAccuracyChanged(
                sensor: Sensor,
                accuracy: Int,
            ) = accuracies.update { it + (kind to accuracy) }
        }

    private fun type(kind: SensorKind) =
        when (kind) {
            SensorKind.ACCELEROMETER -> Sensor.TYPE_ACCELEROMETER
            SensorKind.GYROSCOPE -> Sensor.TYPE_GYROSCOPE
            SensorKind.LINEAR_ACCELERATION -> Sensor.TYPE_LINEAR_ACCELERATION
            SensorKind.GRAVITY -> Sensor.TYPE_GRAVITY
        }
}

/** The sensors of a model that takes an accelerometer and nothing else. */
typealias Accelerometer = Sensors
