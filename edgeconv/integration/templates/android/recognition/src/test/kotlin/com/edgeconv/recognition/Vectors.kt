package com.edgeconv.recognition

import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.Counts
import com.edgeconv.recognition.stream.Sample
import com.edgeconv.recognition.stream.SensorSettings
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
    private val sensors = json.optJSONArray("sensors")?.objects().orEmpty()
    val settings =
        StreamSettings(
            sensorHz = json.getDouble("sensor_hz"),
            factor = json.getDouble("factor"),
            further =
                sensors.drop(1).mapIndexed { i, sensor ->
                    val kind = Contract.SENSORS[i + 1].kind
                    SensorSettings(kind, sensor.getDouble("hz"), sensor.getDouble("factor"))
                },
        )
    val restartBefore = json.getJSONArray("restart_before").let { a -> List(a.length(), a::getInt) }
    val samples =
        json.getJSONObject("samples").let { columns ->
            val times = columns.getJSONArray("t_ns")
            val (x, y, z) = listOf("x", "y", "z").map { columns.getJSONArray(it).numbers() }
            val places = columns.optJSONArray("sensor")
            List(times.length()) {
                val sensor = Contract.SENSORS[places?.getInt(it) ?: 0].kind
                Sample(times.getLong(it), x[it], y[it], z[it], sensor)
            }
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
                silent = optInt("silent"),
            )
        }
    val waitingFor =
        expected.optJSONArray("waiting").let { places ->
            List(places?.length() ?: 0) { Contract.SENSORS[checkNotNull(places).getInt(it)].kind }
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

internal fun List<Double>.floats() = FloatArray(size) { this[it].toFloat() }
