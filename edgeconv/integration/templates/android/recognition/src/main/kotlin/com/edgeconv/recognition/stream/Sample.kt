package com.edgeconv.recognition.stream

/**
 * One reading of an accelerometer, in the sensor's own unit and sign.
 *
 * @property nanoseconds time from any origin, such as `SensorEvent.timestamp`
 */
data class Sample(
    val nanoseconds: Long,
    val x: Double,
    val y: Double,
    val z: Double,
)
