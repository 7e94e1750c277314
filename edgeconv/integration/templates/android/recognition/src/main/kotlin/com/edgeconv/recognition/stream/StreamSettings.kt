package com.edgeconv.recognition.stream

import kotlin.math.floor

/**
 * What a [SensorStream] has to know of the model and of the sensor. Without arguments it is that of
 * the model in this library.
 *
 * @property rateHz steps a second
 * @property window steps in a window
 * @property step steps between the starts of two windows
 * @property sensorHz the rate that the sensor is asked for; what it really does may differ
 * @property factor the model's unit and sign for one of the sensor's
 */
data class StreamSettings(
    val rateHz: Double = Contract.RATE_HZ,
    val window: Int = Contract.WINDOW,
    val step: Int = Contract.STEP,
    val sensorHz: Double = Contract.SENSOR_HZ,
    val factor: Double = Contract.FACTOR,
) {
    init {
        require(rateHz > 0 && rateHz.isFinite()) { "rateHz is $rateHz" }
        require(sensorHz > 0 && sensorHz.isFinite()) { "sensorHz is $sensorHz" }
        require(window > 0 && step > 0) { "window is $window, step $step" }
        require(factor != 0.0 && factor.isFinite()) { "factor is $factor" }
    }

    /** Points of the fine grid in one step. */
    internal val oversampling = LowPass.oversampling(sensorHz, rateHz)

    /** Nanoseconds between two points of the fine grid. */
    internal val spacing = 1e9 / (rateHz * oversampling)

    /** A pause, or a step back in time, above this many nanoseconds restarts the stream. */
    internal val maxGap = floor(GAP_INTERVALS * 1e9 / sensorHz + 0.5).toLong()

    /** Samples nearer to the last one than this are doubled ones. */
    internal val closest = floor(CLOSEST_INTERVALS * 1e9 / sensorHz + 0.5).toLong()

    private companion object {
        const val GAP_INTERVALS = 5.0
        const val CLOSEST_INTERVALS = 0.1
    }
}
