package com.edgeconv.recognition.stream

/** The latest steps of three values, oldest first, in memory that is taken once. */
internal class Ring(
    private val capacity: Int,
) {
    private val values = DoubleArray(capacity * CHANNELS)
    private var oldest = 0
    private var count = 0

    val isFull get() = count == capacity

    fun add(step: DoubleArray) {
        step.copyInto(values, (oldest + count) % capacity * CHANNELS)
        if (isFull) oldest = (oldest + 1) % capacity else count++
    }

    fun clear() {
        oldest = 0
        count = 0
    }

    /** [index] 0 is the oldest. */
    operator fun get(
        index: Int,
        channel: Int,
    ): Double = values[(oldest + index) % capacity * CHANNELS + channel]
}

internal const val CHANNELS = 3
