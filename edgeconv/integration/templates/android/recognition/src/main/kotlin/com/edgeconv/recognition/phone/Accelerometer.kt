package com.edgeconv.recognition.phone

import android.content.Context
import android.hardware.Sensor
import android.hardware.SensorEvent
import android.hardware.SensorEventListener
import android.hardware.SensorManager
import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.Sample
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow

/**
 * The phone's accelerometer as a flow of samples: m/s², gravity included.
 *
 * This is `TYPE_ACCELEROMETER`, which the model was trained for. `TYPE_LINEAR_ACCELERATION` has no
 * gravity in it and must not be used instead.
 */
class Accelerometer(
    context: Context,
) {
    private val manager = context.getSystemService(SensorManager::class.java)
    private val sensor: Sensor? = manager.getDefaultSensor(Sensor.TYPE_ACCELEROMETER)

    val isAvailable get() = sensor != null

    /**
     * Readings for as long as the flow is collected. The system is asked for [hertz] and delivers
     * about that. A collector that falls behind loses the oldest readings: a gap, which restarts
     * the stream.
     *
     * @throws IllegalStateException where there is no accelerometer
     */
    fun samples(hertz: Double = Contract.SENSOR_HZ): Flow<Sample> =
        callbackFlow {
            val listener =
                object : SensorEventListener {
                    override fun onSensorChanged(event: SensorEvent) {
                        val (x, y, z) = event.values
                        trySend(Sample(event.timestamp, x.toDouble(), y.toDouble(), z.toDouble()))
                    }

                    override fun onAccuracyChanged(
                        sensor: Sensor,
                        accuracy: Int,
                    ) = Unit
                }
            val microseconds = (1e6 / hertz).toInt()
            check(sensor != null && manager.registerListener(listener, sensor, microseconds)) {
                "this device has no accelerometer that can be read"
            }
            awaitClose { manager.unregisterListener(listener) }
        }
}
