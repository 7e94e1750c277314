package com.edgeconv.recognition

import com.edgeconv.recognition.model.ModelOutputs
import com.edgeconv.recognition.stream.Counts
import com.edgeconv.recognition.stream.Decider
import com.edgeconv.recognition.stream.Decision
import com.edgeconv.recognition.stream.EnergySaver
import com.edgeconv.recognition.stream.Sample
import com.edgeconv.recognition.stream.SensorKind
import com.edgeconv.recognition.stream.SensorStream
import com.edgeconv.recognition.stream.StreamSettings
import com.edgeconv.recognition.stream.Window
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/**
 * What was recognized in one window.
 *
 * @property outputs the model's own, before smoothing
 * @property endNanoseconds time of the window's last sample, on the sensor's clock
 * @property latencyNanoseconds how long the model took
 */
data class Recognition(
    val decision: Decision,
    val outputs: List<Double>,
    val endNanoseconds: Long,
    val latencyNanoseconds: Long,
)

/** A window in, an output for each class. */
fun interface Model {
    fun outputs(window: Window): FloatArray
}

/** A model that gives an embedding, too, where its file has one. */
fun interface EmbeddingModel : Model {
    fun run(window: Window): ModelOutputs

    override fun outputs(window: Window): FloatArray = run(window).outputs
}

/**
 * From samples to decisions, one after the other. Not for several threads at once.
 *
 * @param saver leaves out windows while nothing moves; null runs every one
 * @param onFailure is told each time that the model throws; recognition goes on with the next window
 */
class Recognizer(
    private val model: Model,
    private val stream: SensorStream = SensorStream(),
    private val decider: Decider = Decider(),
    private val saver: EnergySaver? = null,
    private val onFailure: (Exception) -> Unit,
) {
    /** Of the stream, the rates of the sensors included: what `Sensors.samples` takes. */
    val settings: StreamSettings get() = stream.settings

    /** What became of the samples so far. */
    val counts: Counts get() = stream.counts

    /** The sensors without a sample since the last restart: nothing is recognized without them. */
    val waitingFor: List<SensorKind> get() = stream.waitingFor

    /** The sensors that deliver so few samples that windows may be missing. */
    val slow: List<SensorKind> get() = stream.slow

    /**
     * Windows to which the model gave values that are not finite. These are no answers: nothing is
     * said of the window, and the next decision follows the last one.
     */
    var notFiniteOutputs = 0
        private set

    /** Windows that were left out while nothing moved. */
    var leftOut = 0
        private set

    /** Forgets all samples, as when the app comes back to the foreground. */
    fun restart() = stream.restart()

    /** Takes one sample; returns what was recognized where it completed a window. */
    fun push(sample: Sample): List<Recognition> {
        if (sample.begins) restart()
        return stream.push(sample).mapNotNull(::recognize)
    }

    /** What is recognized in a flow of samples. Collect it away from the main thread. */
    fun recognitions(samples: Flow<Sample>): Flow<Recognition> =
        flow {
            samples.collect { sample -> push(sample).forEach { emit(it) } }
        }

    private fun recognize(window: Window): Recognition? {
        if (saver != null && !saver.runs(window)) {
            leftOut++
            return null
        }
        val begin = System.nanoTime()
        val outputs =
            try {
                model.outputs(window).map(Float::toDouble)
            } catch (error: Exception) {
                onFailure(error)
                return null
            }
        val latency = System.nanoTime() - begin
        if (!outputs.all(Double::isFinite)) {
            notFiniteOutputs++
            return null
        }
        val decision = decider.update(window.segment, outputs) ?: return null
        return Recognition(decision, outputs, window.endNanoseconds, latency)
    }
}
