package com.edgeconv.recognition.stream

import kotlin.math.sqrt

/**
 * Leaves out windows while nothing moves, so that the model runs less often. The first window of a
 * segment and the first one with movement are always run: no decision comes later.
 *
 * @param stillBelow a window whose channels all deviate less is still, in the model's unit
 * @param after how many still windows in a row are run all the same
 * @param factor of those after them, every how many-th is
 * @param channels places in a step of those that are looked at; the first sensor's
 * @param width channels of a step
 */
class EnergySaver(
    private val stillBelow: Double = Contract.STILL_BELOW,
    private val after: Int = 2,
    private val factor: Int = 4,
    private val channels: List<Int> =
        Contract.SOURCES.indices.filter { Contract.SOURCES[it].sensor == 0 },
    private val width: Int = Contract.SOURCES.size,
) {
    private var segment = -1
    private var calm = 0
    private var skipped = 0

    init {
        require(stillBelow >= 0 && after >= 0) { "stillBelow is $stillBelow, after $after" }
        require(factor >= 1) { "factor is $factor" }
    }

    /** Whether the model is to be asked about this window. */
    fun runs(window: Window): Boolean {
        val begins = window.segment != segment
        segment = window.segment
        if (begins || deviation(window.values) >= stillBelow) {
            calm = 0
            skipped = 0
            return true
        }
        calm++
        if (calm <= after) return true
        skipped = (skipped + 1) % factor
        return skipped == 0
    }

    /** The largest standard deviation of a channel. */
    fun deviation(values: FloatArray): Double =
        channels.maxOf { channel ->
            val column = channel until values.size step width
            val count = values.size / width
            val mean = column.sumOf { values[it].toDouble() } / count
            sqrt(column.sumOf { (values[it] - mean) * (values[it] - mean) } / count)
        }
}
