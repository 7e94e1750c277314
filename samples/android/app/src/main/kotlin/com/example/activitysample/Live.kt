package com.example.activitysample

import android.content.Context
import com.edgeconv.recognition.Recognition
import com.edgeconv.recognition.Recognizer
import com.edgeconv.recognition.phone.Models
import com.edgeconv.recognition.phone.Sensors
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.catch
import kotlinx.coroutines.flow.channelFlow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.onStart

/** What there is to show. */
sealed interface Live {
    data object Listening : Live

    class Recognized(
        val recognition: Recognition,
    ) : Live

    /** The model threw; recognition goes on with the next window. */
    class Failure(
        val message: String,
    ) : Live

    /** The last thing that is said: the model cannot be opened, or a sensor cannot be read. */
    class Problem(
        val message: String,
    ) : Live
}

/** Recognizes for as long as it is collected, away from the collector's thread. */
fun liveRecognition(context: Context): Flow<Live> =
    channelFlow {
        Models(context).open().use { classifier ->
            val recognizer = Recognizer(classifier) { trySend(Live.Failure(it.message ?: "$it")) }
            recognizer
                .recognitions(Sensors(context).samples(recognizer.settings))
                .collect { send(Live.Recognized(it)) }
        }
    }.onStart { emit(Live.Listening) }
        .catch { emit(Live.Problem(it.message ?: "$it")) }
        .flowOn(Dispatchers.Default)
