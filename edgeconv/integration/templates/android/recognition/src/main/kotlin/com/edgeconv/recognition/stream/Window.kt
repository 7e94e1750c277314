package com.edgeconv.recognition.stream

/**
 * One input of the model.
 *
 * @property number counts from 0 over the stream's whole life
 * @property segment how often the stream had restarted; decisions are smoothed within one
 * @property endNanoseconds time of the last step
 * @property values all channels of the first step, then of the second …, in the model's units
 */
class Window(
    val number: Int,
    val segment: Int,
    val endNanoseconds: Long,
    val values: FloatArray,
)

/**
 * What became of the samples, since the beginning.
 *
 * @property notFinite dropped: a value is NaN or infinite
 * @property duplicate dropped: at (nearly) the time of the last one
 * @property late dropped: older than the last one
 * @property gaps restarts because nothing came for too long
 * @property clockResets restarts because the time stamp went back
 * @property silent restarts because one sensor gave nothing while another went on
 */
data class Counts(
    val accepted: Int = 0,
    val notFinite: Int = 0,
    val duplicate: Int = 0,
    val late: Int = 0,
    val gaps: Int = 0,
    val clockResets: Int = 0,
    val silent: Int = 0,
)
