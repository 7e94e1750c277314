package com.example.activitysample

import android.app.Activity
import android.os.Bundle
import android.widget.TextView
import com.edgeconv.recognition.Recognition
import com.edgeconv.recognition.Recognizer
import com.edgeconv.recognition.phone.Accelerometer
import com.edgeconv.recognition.phone.Classifier
import com.edgeconv.recognition.stream.Contract
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.catch
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.launch
import kotlin.math.roundToInt

/** The activity in large letters, the probability of each, and how long the model took. */
class ActivityScreen : Activity() {
    private var scope: CoroutineScope? = null
    private val latencies = ArrayDeque<Long>()

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.activity_screen)
    }

    override fun onResume() {
        super.onResume()
        scope = MainScope().also { it.launch { recognize() } }
    }

    override fun onPause() {
        scope?.cancel()
        super.onPause()
    }

    /** Until the screen goes away; what was before a pause is no part of what comes after it. */
    private suspend fun recognize() =
        Classifier.packaged(this).use { classifier ->
            Recognizer(classifier)
                .recognitions(Accelerometer(this).samples())
                .flowOn(Dispatchers.Default)
                .catch { problem -> text(R.id.activity).text = problem.message }
                .collect(::show)
        }

    private fun show(found: Recognition) {
        text(R.id.activity).text = found.decision.label
        text(R.id.probabilities).text =
            Contract.LABELS.zip(found.decision.probabilities).joinToString("\n") { (label, share) ->
                getString(R.string.probability, label, (100 * share).roundToInt())
            }
        latencies.addLast(found.latencyNanoseconds)
        if (latencies.size > SHOWN) latencies.removeFirst()
        val median = latencies.sorted()[latencies.size / 2] / NANOSECONDS_PER_MILLISECOND
        text(R.id.latency).text = getString(R.string.latency, median, latencies.size)
    }

    private fun text(id: Int) = findViewById<TextView>(id)

    private companion object {
        const val SHOWN = 50
        const val NANOSECONDS_PER_MILLISECOND = 1e6
    }
}
