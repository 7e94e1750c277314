package com.edgeconv.recognition.stream

import kotlin.math.floor
import kotlin.math.max

/**
 * A sensor that a [SensorStream] takes samples of.
 *
 * @property sensorHz the rate that the sensor is asked for; what it really does may differ
 * @property factor the model's unit and sign for one of the sensor's
 */
data class SensorSettings(
    val kind: SensorKind,
    val sensorHz: Double,
    val factor: Double,
) {
    init {
        require(sensorHz > 0 && sensorHz.isFinite()) { "sensorHz is $sensorHz" }
        require(factor != 0.0 && factor.isFinite()) { "factor is $factor" }
    }

    /** A pause, or a step back in time, above this many nanoseconds restarts the stream. */
    internal val maxGap = floor(GAP_INTERVALS * 1e9 / sensorHz + 0.5).toLong()

    /** Samples nearer to the last one than this are doubled ones. */
    internal val closest = floor(CLOSEST_INTERVALS * 1e9 / sensorHz + 0.5).toLong()

    private companion object {
        const val GAP_INTERVALS = 5.0
        const val CLOSEST_INTERVALS = 0.1
    }
}

/**
 * What a [SensorStream] has to know of the model and of its sensors. Without arguments it is that of
 * the model in this library.
 *
 * @property rateHz steps a second
 * @property window steps in a window
 * @property step steps between the starts of two windows
 * @property sensorHz the rate that the first sensor is asked for; what it really does may differ
 * @property factor the model's unit and sign for one of the first sensor's
 * @property further the sensors after the first, in the order of [Contract.SENSORS]
 */
data class StreamSettings(
    val rateHz: Double = Contract.RATE_HZ,
    val window: Int = Contract.WINDOW,
    val step: Int = Contract.STEP,
    val sensorHz: Double = Contract.SENSOR_HZ,
    val factor: Double = Contract.FACTOR,
    val further: List<SensorSettings> = Contract.SENSORS.drop(1),
) {
    /** All sensors, in the order of [Contract.SENSORS]. */
    val sensors = listOf(Contract.SENSORS[0].copy(sensorHz = sensorHz, factor = factor)) + further

    init {
        require(rateHz > 0 && rateHz.isFinite()) { "rateHz is $rateHz" }
        require(window > 0 && step > 0) { "window is $window, step $step" }
        require(sensors.map { it.kind } == Contract.SENSORS.map { it.kind }) {
            "the model takes ${Contract.SENSORS.map { it.kind }}, not ${sensors.map { it.kind }}"
        }
    }

    /** Points of the fine grid in one step: as many as the fastest sensor needs. */
    internal val oversampling = sensors.maxOf { LowPass.oversampling(it.sensorHz, rateHz) }

    /** Nanoseconds between two points of the fine grid. */
    internal val spacing = 1e9 / (rateHz * oversampling)

    /** A sensor that is this many nanoseconds behind another is silent, and restarts the stream. */
    internal val silence = max(SILENCE, 2 * sensors.maxOf { it.maxGap })

    private companion object {
        const val SILENCE = 1_000_000_000L
    }
}
