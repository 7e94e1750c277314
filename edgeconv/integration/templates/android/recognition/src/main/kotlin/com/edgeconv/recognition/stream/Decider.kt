package com.edgeconv.recognition.stream

import kotlin.math.exp

/**
 * What is said after one window.
 *
 * @property index place of the class in [Contract.LABELS]
 * @property probabilities smoothed, in the order of the labels
 */
data class Decision(
    val index: Int,
    val probabilities: List<Double>,
) {
    /** The class. */
    val label get() = Contract.LABELS[index]
}

/**
 * Makes decisions that do not flicker: an exponential mean of the probabilities, and a class that
 * changes only for a clear lead.
 *
 * @param logits whether the model gives logits, which go through softmax first
 * @param alpha weight of the newest window, above 0; 1 takes every window for itself
 * @param hysteresis by how much another class must lead the present one, from 0 to below 1
 */
class Decider(
    private val logits: Boolean = Contract.LOGITS,
    private val alpha: Double = Contract.ALPHA,
    private val hysteresis: Double = Contract.HYSTERESIS,
) {
    private var segment = -1
    private var latest: Decision? = null

    init {
        require(alpha > 0 && alpha <= 1) { "alpha is $alpha" }
        require(hysteresis >= 0 && hysteresis < 1) { "hysteresis is $hysteresis" }
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
        latest = if (old == null) Decision(largest(new), new) else follow(old, new)
        return latest
    }

    private fun follow(
        old: Decision,
        new: List<Double>,
    ): Decision {
        val smoothed = old.probabilities.zip(new) { before, now -> before + alpha * (now - before) }
        val challenger = largest(smoothed)
        val lead = smoothed[challenger] - smoothed[old.index]
        return Decision(if (lead > hysteresis) challenger else old.index, smoothed)
    }

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
