package com.edgeconv.recognition

import com.edgeconv.recognition.stream.Counts
import com.edgeconv.recognition.stream.Sample
import com.edgeconv.recognition.stream.StreamSettings
import org.json.JSONArray
import org.json.JSONObject
import org.junit.Assert.assertEquals

/** `stream.json`: what the reference made of the test streams, with the model of this library. */
internal object Vectors {
    private val file: JSONObject =
        checkNotNull(Vectors::class.java.getResource("/stream.json")).readText().let(::JSONObject)

    val valueTolerance = file.getJSONObject("tolerance").getDouble("value")
    val probabilityTolerance = file.getJSONObject("tolerance").getDouble("probability")
    val smoothedTolerance = file.getJSONObject("tolerance").getDouble("smoothed")
    val filters = file.getJSONArray("filters").objects()
    val streams = file.getJSONArray("streams").objects().map(::RecordedStream)
    val decisions = file.getJSONArray("decisions").objects()
}

internal class RecordedStream(
    json: JSONObject,
) {
    val name: String = json.getString("name")
    val settings =
        StreamSettings(sensorHz = json.getDouble("sensor_hz"), factor = json.getDouble("factor"))
    val restartBefore = json.getJSONArray("restart_before").let { a -> List(a.length(), a::getInt) }
    val samples =
        json.getJSONObject("samples").let { columns ->
            val times = columns.getJSONArray("t_ns")
            val (x, y, z) = listOf("x", "y", "z").map { columns.getJSONArray(it).numbers() }
            List(times.length()) { Sample(times.getLong(it), x[it], y[it], z[it]) }
        }
    private val expected = json.getJSONObject("expected")
    val segment = expected.getInt("segment")
    val counts =
        expected.getJSONObject("counts").run {
            Counts(
                accepted = getInt("accepted"),
                notFinite = getInt("not_finite"),
                duplicate = getInt("duplicate"),
                late = getInt("late"),
                gaps = getInt("gaps"),
                clockResets = getInt("clock_resets"),
            )
        }
    val windows = expected.getJSONArray("windows").objects().map(::RecordedWindow)
}

internal class RecordedWindow(
    json: JSONObject,
) {
    val number = json.getInt("number")
    val segment = json.getInt("segment")
    val endNanoseconds = json.getLong("end_ns")
    val values = json.getJSONArray("values").numbers()
    val outputs = json.getJSONArray("outputs").numbers()
    val smoothed = json.getJSONArray("smoothed").numbers()
    val decision = json.getInt("decision")
    val sure = json.getBoolean("sure")
}

internal fun JSONArray.objects() = List(length(), ::getJSONObject)

/** JSON has no NaN: null stands for it. */
internal fun JSONArray.numbers() = List(length()) { if (isNull(it)) Double.NaN else getDouble(it) }

internal fun assertClose(
    message: String,
    expected: List<Double>,
    found: List<Double>,
    tolerance: Double,
) {
    assertEquals(message, expected.size, found.size)
    for (i in expected.indices) {
        assertEquals(
            "$message, number $i",
            expected[i],
            found[i],
            tolerance,
        )
    }
}
