package com.edgeconv.recognition.stream

import kotlin.math.PI
import kotlin.math.ceil
import kotlin.math.max
import kotlin.math.sin
import kotlin.math.sqrt

/**
 * The filter that keeps what is too fast for the model's rate from turning up as something slower.
 *
 * It is the one that the training recordings went through: flat to 0.8 of the Nyquist frequency of
 * the model's rate, at least 60 dB down from 1.1 of it (Kaiser's method; Oppenheim and Schafer,
 * *Discrete-Time Signal Processing*, 7.5.3).
 */
internal object LowPass {
    private const val PASS_EDGE = 0.8
    private const val STOP_EDGE = 1.1
    private const val DESIGN_DECIBELS = 65.0
    private const val NOMINAL_TOLERANCE = 0.03

    /** Points of the fine grid that make one step of the model; 1 means that no filter is needed. */
    fun oversampling(
        sensorHz: Double,
        rateHz: Double,
    ): Int = max(1, ceil(sensorHz / rateHz - NOMINAL_TOLERANCE).toInt())

    /** An odd number of taps, symmetric, with sum 1, so that gravity passes unchanged. */
    fun taps(oversampling: Int): DoubleArray {
        if (oversampling == 1) return doubleArrayOf(1.0)
        val width = (STOP_EDGE - PASS_EDGE) / oversampling
        val cutoff = (STOP_EDGE + PASS_EDGE) / 2 / oversampling
        val beta = 0.1102 * (DESIGN_DECIBELS - 8.7)
        val length = ceil((DESIGN_DECIBELS - 7.95) / 2.285 / (PI * width) + 1).toInt() or 1
        val half = length / 2
        val raw =
            DoubleArray(length) { i ->
                val place = (i - half).toDouble() / half
                sinc(cutoff * (i - half)) * besselI0(beta * sqrt(1 - place * place))
            }
        val total = raw.sum()
        return DoubleArray(length) { raw[it] / total }
    }

    private fun sinc(x: Double) = if (x == 0.0) 1.0 else sin(PI * x) / (PI * x)

    /** The modified Bessel function of order 0, by its power series. */
    private fun besselI0(x: Double): Double {
        var term = 1.0
        var total = 1.0
        var k = 1
        while (term > 1e-17 * total) {
            term *= (x / (2 * k)) * (x / (2 * k))
            total += term
            k++
        }
        return total
    }
}
