package com.edgeconv.recognition.stream

/** What a sensor of a phone measures. */
enum class SensorKind {
    /** Gravity included. */
    ACCELEROMETER,
    GYROSCOPE,

    /** Gravity removed by the phone itself. */
    LINEAR_ACCELERATION,

    /** As the phone itself tells it. */
    GRAVITY,
}

/**
 * One reading of a sensor, in its own unit and sign.
 *
 * @property nanoseconds time from any origin, such as `SensorEvent.timestamp`
 * @property sensor which one it is of, by default the first that the model takes
 * @property begins whether it is the first one after the app was suspended: what was before is
 *   forgotten
 */
data class Sample(
    val nanoseconds: Long,
    val x: Double,
    val y: Double,
    val z: Double,
    val sensor: SensorKind = Contract.SENSORS.first().kind,
    val begins: Boolean = false,
)
