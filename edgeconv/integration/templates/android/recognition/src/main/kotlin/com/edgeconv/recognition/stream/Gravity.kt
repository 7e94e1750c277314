package com.edgeconv.recognition.stream

import kotlin.math.PI
import kotlin.math.ceil
import kotlin.math.tan

/**
 * Tells gravity from motion: a Butterworth low-pass of order 3 over the three axes of an
 * accelerometer, step by step.
 *
 * It sees the distance from the first step, as if that had always been there: a phone at rest gives
 * its gravity without any rounding.
 */
internal class Gravity(
    rateHz: Double,
) {
    // b0 b1 b2 a1 a2, of the poles of 1 / ((s + 1)(s² + s + 1)) by the bilinear transform.
    private val sections: Array<DoubleArray>
    private val settling = ceil(SETTLING_PERIODS * rateHz / CUTOFF_HZ).toInt()
    private val first = DoubleArray(AXES)
    private val state = Array(AXES) { Array(SECTIONS) { DoubleArray(2) } }
    private var begun = false

    /** Steps that are for the filter only, as it settles. */
    var left = settling

    /** The slow part of the latest step. */
    val slow = DoubleArray(AXES)

    init {
        val k = tan(PI * CUTOFF_HZ / rateHz)
        val d = 1 + k + k * k
        val one = k / (1 + k)
        val two = k * k / d
        sections =
            arrayOf(
                doubleArrayOf(one, one, 0.0, (k - 1) / (k + 1), 0.0),
                doubleArrayOf(two, 2 * two, two, 2 * (k * k - 1) / d, (1 - k + k * k) / d),
            )
    }

    fun clear() {
        left = settling
        begun = false
        for (axis in state) axis.forEach { it.fill(0.0) }
    }

    /** Takes the first three numbers of a step. */
    fun update(step: DoubleArray) {
        if (!begun) step.copyInto(first, 0, 0, AXES)
        begun = true
        for (axis in 0 until AXES) {
            var value = step[axis] - first[axis]
            for (i in sections.indices) value = pass(sections[i], state[axis][i], value)
            slow[axis] = first[axis] + value
        }
    }

    private fun pass(
        section: DoubleArray,
        state: DoubleArray,
        value: Double,
    ): Double {
        val (b0, b1, b2, a1, a2) = section
        val out = b0 * value + state[0]
        state[0] = b1 * value - a1 * out + state[1]
        state[1] = b2 * value - a2 * out
        return out
    }

    private companion object {
        /** Cutoff of the low-pass whose output is gravity. */
        const val CUTOFF_HZ = 0.3

        /** Of the cutoff: how long it settles before its output is used. */
        const val SETTLING_PERIODS = 2
        const val SECTIONS = 2
    }
}
