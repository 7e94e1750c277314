package com.edgeconv.recognition.stream

/**
 * One sensor: its latest samples, and points of the fine grid that wait for the other sensors.
 *
 * @param pending how many points may wait
 */
internal class Track(
    val settings: SensorSettings,
    pending: Int,
) {
    /** The first point of the fine grid that has no value yet. */
    var next = 0
        private set

    // The last four samples, oldest first; `held` of them are there.
    private val times = LongArray(RECENT)
    private val recent = Array(RECENT) { DoubleArray(AXES) }
    private var held = 0
    private val points = Array(pending) { DoubleArray(AXES) }

    val isEmpty get() = held == 0

    /** Whether a curve can be drawn: it needs one neighbour on each side. */
    val hasCurve get() = held >= ENOUGH

    /** Time of the latest sample. */
    val newest get() = times[held - 1]

    /** Time of the latest sample but one, up to which the curve reaches. */
    val until get() = times[held - 2]

    fun clear() {
        held = 0
        next = 0
    }

    fun hold(
        nanoseconds: Long,
        x: Double,
        y: Double,
        z: Double,
    ) {
        if (held == RECENT) {
            val oldest = recent[0]
            for (i in 1 until RECENT) {
                times[i - 1] = times[i]
                recent[i - 1] = recent[i]
            }
            recent[RECENT - 1] = oldest
            held--
        }
        times[held] = nanoseconds
        recent[held][0] = x * settings.factor
        recent[held][1] = y * settings.factor
        recent[held][2] = z * settings.factor
        held++
    }

    /** Keeps the next point of the fine grid, which stands at [time]. */
    fun add(time: Long) {
        val from = times[held - 3]
        val u = (time - from).toDouble() / (until - from)
        val point = points[next % points.size]
        for (axis in 0 until AXES) point[axis] = curve(axis, u)
        next++
    }

    /** A point that was kept and that waits. */
    fun point(index: Int) = points[index % points.size]

    /** A cubic between two samples, through their neighbours too; [u] is from 0 to below 1. */
    private fun curve(
        axis: Int,
        u: Double,
    ): Double {
        val first = held - 3
        val length = (times[first + 1] - times[first]).toDouble()
        val value = recent[first][axis]
        val rise = recent[first + 1][axis] - value
        val after = recent[first + 2][axis] - recent[first + 1][axis]
        val end = slope(rise, after, length / (times[first + 2] - times[first + 1]))
        val begin =
            if (first == 0) {
                2 * rise - end // the parabola through the first three samples
            } else {
                val before = value - recent[first - 1][axis]
                slope(rise, before, length / (times[first] - times[first - 1]))
            }
        val bend = 3 * rise - 2 * begin - end
        return value + u * (begin + u * (bend + u * (begin + end - 2 * rise)))
    }

    /**
     * Slope of the parabola through three samples at the middle one, times this interval's length.
     * [other] is the difference over the neighbouring interval, [ratio] this length by that one's.
     */
    private fun slope(
        rise: Double,
        other: Double,
        ratio: Double,
    ) = (rise + ratio * ratio * other) / (1 + ratio)

    private companion object {
        const val RECENT = 4
        const val ENOUGH = 3
    }
}
