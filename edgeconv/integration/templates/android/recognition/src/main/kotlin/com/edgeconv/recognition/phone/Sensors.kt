package com.edgeconv.recognition.phone

import android.content.Context
import android.hardware.Sensor
import android.hardware.SensorEvent
import android.hardware.SensorEventListener
import android.hardware.SensorManager
import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.Sample
import com.edgeconv.recognition.stream.SensorKind
import kotlinx.coroutines.channels.ProducerScope
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow

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

    /** What the model takes and this device has not. */
    val missing get() = sensors.filterValues { it == null }.keys.toList()

    val isAvailable get() = missing.isEmpty()

    /**
     * Readings for as long as the flow is collected. The system is asked for [hertz] and delivers
     * about that. A collector that falls behind loses the oldest readings: a gap, which restarts
     * the stream.
     *
     * @throws IllegalStateException where there is no such sensor
     */
    fun samples(hertz: Double = Contract.SENSOR_HZ): Flow<Sample> =
        callbackFlow {
            val microseconds = (1e6 / hertz).toInt()
            val listeners = sensors.keys.associateWith { listener(it) }
            for ((kind, listener) in listeners) {
                val sensor = sensors[kind]
                if (sensor == null || !manager.registerListener(listener, sensor, microseconds)) {
                    listeners.values.forEach { manager.unregisterListener(it) }
                    val name = kind.name.lowercase().replace('_', ' ')
                    error("this device has no $name that can be read")
                }
            }
            awaitClose { listeners.values.forEach { manager.unregisterListener(it) } }
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
            ) = Unit
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
