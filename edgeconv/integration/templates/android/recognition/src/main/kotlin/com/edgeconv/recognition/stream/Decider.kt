package com.edgeconv.recognition.stream

import kotlin.math.exp

/**
 * What is said after one window.
 *
 * @property candidate place in [Contract.LABELS] of the class that leads, sure or not
 * @property probabilities smoothed, in the order of the labels
 * @property isUnsure whether the candidate is not probable enough to be shown
 */
data class Decision(
    val candidate: Int,
    val probabilities: List<Double>,
    val isUnsure: Boolean,
) {
    /** The class to show; null while the model is unsure. */
    val label: String? get() = if (isUnsure) null else Contract.LABELS[candidate]
}

/**
 * Makes decisions that do not flicker: an exponential mean of the probabilities, and a class that
 * changes only for a clear lead.
 *
 * @param logits whether the model gives logits, which go through softmax first
 * @param alpha weight of the newest window, above 0; 1 takes every window for itself
 * @param hysteresis by how much another class must lead the present one, from 0 to below 1
 * @param unsureBelow the smoothed probability that a class needs to be shown; 0 shows every one
 */
class Decider(
    private val logits: Boolean = Contract.LOGITS,
    private val alpha: Double = Contract.ALPHA,
    private val hysteresis: Double = Contract.HYSTERESIS,
    private val unsureBelow: Double = Contract.UNSURE_BELOW,
) {
    private var segment = -1
    private var latest: Decision? = null

    init {
        require(alpha > 0 && alpha <= 1) { "alpha is $alpha" }
        require(hysteresis >= 0 && hysteresis < 1) { "hysteresis is $hysteresis" }
        require(unsureBelow in 0.0..1.0) { "unsureBelow is $unsureBelow" }
    }

    /**
     * The decision after the outputs for a window of [segment].
     *
     * A new segment forgets what was before. Outputs that are not finite are no answer: the
     * decision stays as it was, null at the beginning.
     */
    fun update(
        segment: Int,
        outputs: List<Double>,
    ): Decision? {
        if (segment != this.segment) {
            this.segment = segment
            latest = null
        }
        if (!outputs.all(Double::isFinite)) return latest
        val new = if (logits) softmax(outputs) else outputs
        val old = latest
        latest = if (old == null) decision(largest(new), new) else follow(old, new)
        return latest
    }

    private fun follow(
        old: Decision,
        new: List<Double>,
    ): Decision {
        val smoothed = old.probabilities.zip(new) { before, now -> before + alpha * (now - before) }
        val challenger = largest(smoothed)
        val lead = smoothed[challenger] - smoothed[old.candidate]
        return decision(if (lead > hysteresis) challenger else old.candidate, smoothed)
    }

    private fun decision(
        candidate: Int,
        smoothed: List<Double>,
    ) = Decision(candidate, smoothed, smoothed[candidate] < unsureBelow)

    /** Probabilities of logits, without overflow. */
    private fun softmax(logits: List<Double>): List<Double> {
        val top = logits.max()
        val powers = logits.map { exp(it - top) }
        val total = powers.sum()
        return powers.map { it / total }
    }

    /** The first of the largest. */
    private fun largest(values: List<Double>) = values.indices.maxBy { values[it] }
}
