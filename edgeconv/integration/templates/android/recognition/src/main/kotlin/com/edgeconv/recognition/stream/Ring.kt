package com.edgeconv.recognition.stream

/** The latest rows of numbers, oldest first, in memory that is taken once. */
internal class Ring(
    private val capacity: Int,
    private val width: Int,
) {
    private val values = DoubleArray(capacity * width)
    private var oldest = 0
    private var count = 0

    val isFull get() = count == capacity

    fun add(row: DoubleArray) {
        row.copyInto(values, (oldest + count) % capacity * width)
        if (isFull) oldest = (oldest + 1) % capacity else count++
    }

    fun clear() {
        oldest = 0
        count = 0
    }

    /** [index] 0 is the oldest. */
    operator fun get(
        index: Int,
        column: Int,
    ): Double = values[(oldest + index) % capacity * width + column]
}

/** Axes of a sensor. */
internal const val AXES = 3
