package com.example.activitysample

import android.Manifest
import android.app.Activity
import android.content.Intent
import android.content.pm.PackageManager
import android.os.Build
import android.os.Bundle
import android.widget.Button
import android.widget.TextView
import com.edgeconv.recognition.Recognition
import com.edgeconv.recognition.stream.Contract
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.flatMapLatest
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.launch
import kotlin.math.roundToInt

/**
 * The activity in large letters, the probability of each, and how long the model took; what is in the
 * way, where something is.
 */
class ActivityScreen : Activity() {
    private var scope: CoroutineScope? = null
    private val latencies = ArrayDeque<Long>()

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.activity_screen)
        findViewById<Button>(R.id.background).setOnClickListener { inBackground() }
    }

    override fun onResume() {
        super.onResume()
        scope = MainScope().also { it.launch { recognize() } }
    }

    override fun onPause() {
        scope?.cancel()
        super.onPause()
    }

    /** What the service recognizes while it runs, else what this screen does until it goes away. */
    @OptIn(ExperimentalCoroutinesApi::class)
    private suspend fun recognize() =
        RecognitionService.live
            .map { it != null }
            .distinctUntilChanged()
            .flatMapLatest { runs ->
                text(R.id.background).text = getString(if (runs) R.string.stop else R.string.go_on)
                if (runs) RecognitionService.live else liveRecognition(this)
            }.collect(::show)

    private fun show(live: Live?) {
        when (live) {
            is Live.Recognized -> show(live.recognition)
            is Live.Failure -> text(R.id.latency).text = live.message
            is Live.Problem -> text(R.id.activity).text = live.message
            Live.Listening -> text(R.id.activity).text = getString(R.string.listening)
            null -> Unit
        }
    }

    private fun show(found: Recognition) {
        text(R.id.activity).text = found.decision.label ?: getString(R.string.unsure)
        text(R.id.probabilities).text =
            Contract.LABELS.zip(found.decision.probabilities).joinToString("\n") { (label, share) ->
                getString(R.string.probability, label, (100 * share).roundToInt())
            }
        latencies.addLast(found.latencyNanoseconds)
        if (latencies.size > SHOWN) latencies.removeFirst()
        val median = latencies.sorted()[latencies.size / 2] / NANOSECONDS_PER_MILLISECOND
        text(R.id.latency).text = getString(R.string.latency, median, latencies.size)
    }

    private fun inBackground() {
        val service = Intent(this, RecognitionService::class.java)
        val asked = asked().filter { checkSelfPermission(it) != PackageManager.PERMISSION_GRANTED }
        when {
            RecognitionService.live.value != null -> stopService(service)
            asked.isEmpty() -> startForegroundService(service)
            else -> requestPermissions(asked.toTypedArray(), 0)
        }
    }

    /** The service needs the first; without the second it runs, and its notification is not seen. */
    private fun asked() =
        listOfNotNull(
            Manifest.permission.ACTIVITY_RECOGNITION.takeIf {
                Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q
            },
            Manifest.permission.POST_NOTIFICATIONS.takeIf {
                Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU
            },
        )

    override fun onRequestPermissionsResult(
        requestCode: Int,
        permissions: Array<String>,
        grantResults: IntArray,
    ) {
        val place = permissions.indexOf(Manifest.permission.ACTIVITY_RECOGNITION)
        if (place < 0 || grantResults[place] == PackageManager.PERMISSION_GRANTED) {
            startForegroundService(Intent(this, RecognitionService::class.java))
        } else {
            text(R.id.activity).text = getString(R.string.not_allowed)
        }
    }

    private fun text(id: Int) = findViewById<TextView>(id)

    private companion object {
        const val SHOWN = 50
        const val NANOSECONDS_PER_MILLISECOND = 1e6
    }
}
