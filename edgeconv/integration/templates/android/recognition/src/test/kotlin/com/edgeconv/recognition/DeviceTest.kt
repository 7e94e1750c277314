package com.edgeconv.recognition

import com.edgeconv.recognition.model.Engine
import com.edgeconv.recognition.model.Installed
import com.edgeconv.recognition.model.Key
import com.edgeconv.recognition.model.ModelOutputs
import com.edgeconv.recognition.model.NoUnitPassed
import com.edgeconv.recognition.model.Record
import com.edgeconv.recognition.model.SelfTest
import com.edgeconv.recognition.model.TestVector
import com.edgeconv.recognition.model.UnitTester
import com.edgeconv.recognition.model.UpdateCheck
import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.EnergySaver
import com.edgeconv.recognition.stream.SensorEvent
import com.edgeconv.recognition.stream.SensorMonitor
import com.edgeconv.recognition.stream.SensorStream
import com.edgeconv.recognition.stream.StreamSettings
import com.edgeconv.recognition.stream.Window
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Test
import java.util.Base64

/** `device.json`: what the reference says of self-tests, updates and sensors. */
class DeviceTest {
    private val file: JSONObject =
        checkNotNull(javaClass.getResource("/device.json")).readText().let(::JSONObject)

    @Test
    fun everySelfTest() {
        for (json in tests("self_test")) selfTest(json)
    }

    private fun selfTest(json: JSONObject) {
        val name = json.getString("name")
        val units = json.getJSONArray("units").let { List(it.length(), it::getString) }
        val opened = mutableListOf<String>()
        val stored = mutableListOf<Record>()
        var (runs, open) = 0 to 0
        val vectors =
            json.getJSONArray("vectors").objects().map {
                val expected = it.getJSONArray("expected").numbers()
                TestVector(it.getInt("vector"), FloatArray(0), expected)
            }
        val test = SelfTest("model", "", "", json.getDouble("tolerance"), vectors)
        val tester =
            UnitTester(test, units, key(json.getJSONObject("key")), stored::add) { unit ->
                opened += unit
                // A unit that takes the app down is on record before it is opened.
                assertEquals(name, unit, stored.last().testing)
                val stub = json.getJSONObject("stubs").getJSONObject(unit)
                if (stub.has("error")) error(stub.getString("error"))
                open++
                val rows = stub.getJSONArray("outputs")
                object : Engine {
                    private var row = 0
                    override val name = unit

                    override fun run(input: FloatArray): ModelOutputs {
                        runs++
                        return ModelOutputs(rows.getJSONArray(row++).numbers().floats())
                    }

                    override fun close() {
                        open--
                    }
                }
            }
        val before = json.optJSONObject("record")?.let(::record)
        val expected = json.getJSONObject("expected")
        val record =
            try {
                tester.test(before).also { assertEquals(name, true, expected.isNull("error")) }
            } catch (error: NoUnitPassed) {
                assertEquals(name, "no_unit_passed", expected.getString("error"))
                error.record
            }
        assertEquals(name, expected.getInt("runs"), runs)
        assertEquals(
            name,
            expected.getJSONArray("opened").let { List(it.length(), it::getString) },
            opened,
        )
        val passing = expected.getJSONArray("passing").let { List(it.length(), it::getString) }
        assertEquals(name, passing, record.passing(units))
        assertEquals(name, passing.count { it in opened }, open) // the others are closed at once
        for ((unit, verdict) in expected.getJSONObject("units").entries()) {
            val result = checkNotNull(record.result(unit)) { "$name: $unit" }
            assertEquals(name, verdict.getString("status"), result.status.name.lowercase())
            val largest = if (verdict.isNull("largest")) null else verdict.getDouble("largest")
            assertEquals(name, largest, result.largest)
            assertEquals(name, verdict.getInt("errors"), result.errors)
        }
        assertEquals(name, record, Record.of(record.toJson(test, "a phone")))
    }

    private fun record(json: JSONObject): Record {
        json.put("format", "edgeconv-golden-results").put("schema_version", 1)
        return checkNotNull(Record.of(json.toString()))
    }

    private fun key(json: JSONObject) =
        Key(
            json.getString("app_version"),
            json.getString("model_sha256"),
            json.getString("system"),
        )

    @Test
    fun everyChoice() {
        for (json in tests("choice")) {
            val times =
                json.getJSONObject("times_ms").let { columns ->
                    columns.keys().asSequence().associateWith { columns.getJSONArray(it).numbers() }
                }
            val (chosen, medians) =
                UnitTester.chooseUnit(
                    json.getJSONArray("units").let { List(it.length(), it::getString) },
                    json.getJSONArray("passing").let { List(it.length(), it::getString) },
                    times,
                )
            val expected = json.getJSONObject("expected")
            val name = json.getString("name")
            assertEquals(name, expected.getString("chosen"), chosen)
            for ((unit, median) in medians) {
                assertEquals(
                    name,
                    expected.getJSONObject("median_ms").getDouble(unit),
                    median,
                    1e-12,
                )
            }
        }
    }

    @Test
    fun everyUpdate() {
        for (json in tests("updates")) {
            val name = json.getString("name")
            val had = json.getJSONObject("installed")
            val installed =
                Installed(
                    had.getString("name"),
                    had.getString("contract_sha256"),
                    had.getLong("floor"),
                    had.getString("app_version"),
                    had.getString("public_key"),
                )
            val files = json.getJSONObject("files")
            val check =
                UpdateCheck(installed) { path ->
                    if (files.has(path)) Base64.getDecoder().decode(files.getString(path)) else null
                }
            val (manifest, unread) = check.manifest()
            val passes = json.getBoolean("self_test_passes")
            val refusal =
                when {
                    manifest == null -> unread?.name
                    check.misfit(manifest) != null -> check.misfit(manifest)?.name
                    !check.isWhole(manifest) -> "DAMAGED_FILE"
                    else -> "SELF_TEST_FAILED".takeIf { !passes }
                }
            val expected = json.getJSONObject("expected")
            val reason = if (expected.isNull("reason")) null else expected.getString("reason")
            assertEquals(name, reason, refusal?.lowercase())
            if (refusal == null) assertEquals(name, expected.getLong("version"), manifest?.version)
        }
    }

    @Test
    fun everyAppVersion() {
        for (json in file.getJSONArray("app_versions").objects()) {
            val order = UpdateCheck.compareVersions(json.getString("a"), json.getString("b"))
            assertEquals("$json", json.getInt("order"), order)
        }
    }

    @Test
    fun everyStreamInRealLife() {
        for (json in file.getJSONArray("streams").objects()) {
            val name = json.getString("name")
            val hertz = json.getDouble("sensor_hz")
            val further = Contract.SENSORS.drop(1).map { it.copy(sensorHz = hertz, factor = 1.0) }
            val stream =
                SensorStream(StreamSettings(sensorHz = hertz, factor = 1.0, further = further))
            val restarts = json.getJSONArray("restart_in_handler").numbers().map(Double::toInt)
            val windows = mutableListOf<Window>()
            val samples = json.getJSONObject("samples")
            val times = samples.getJSONArray("t_ns")
            val (x, y, z) = listOf("x", "y", "z").map { samples.getJSONArray(it).numbers() }
            for (i in 0 until times.length()) {
                for (sensor in Contract.SENSORS) {
                    stream.push(times.getLong(i), x[i], y[i], z[i], sensor.kind) {
                        windows += it
                        if (it.number in restarts) stream.restart()
                    }
                }
            }
            check(name, json.getJSONObject("expected"), stream, windows)
        }
    }

    private fun check(
        name: String,
        expected: JSONObject,
        stream: SensorStream,
        windows: List<Window>,
    ) {
        assertEquals(name, expected.getInt("segment"), stream.segment)
        val counts = expected.getJSONObject("counts")
        assertEquals(name, counts.getInt("accepted"), stream.counts.accepted)
        assertEquals(name, counts.getInt("gaps"), stream.counts.gaps)
        assertEquals(name, counts.getInt("clock_resets"), stream.counts.clockResets)
        val rates = expected.getJSONArray("rates").objects()
        for ((sensor, rate) in Contract.SENSORS.zip(rates)) {
            val delivered = stream.deliveredHz.getValue(sensor.kind)
            assertEquals(name, rate.isNull("delivered_hz"), delivered == null)
            if (delivered != null) {
                assertEquals(name, rate.getDouble("delivered_hz"), delivered, 1e-9)
            }
            assertEquals(name, rate.getBoolean("slow"), sensor.kind in stream.slow)
        }
        val wanted = expected.getJSONArray("windows").objects()
        assertEquals(name, wanted.map { it.getLong("end_ns") }, windows.map { it.endNanoseconds })
        assertEquals(name, wanted.map { it.getInt("segment") }, windows.map { it.segment })
        val width = Contract.CHANNELS.size
        wanted.zip(windows) { one, window ->
            val values = window.values.map(Float::toDouble)
            assertClose(name, one.getJSONArray("first").numbers(), values.take(width), 1e-4)
            assertClose(name, one.getJSONArray("last").numbers(), values.takeLast(width), 1e-4)
        }
    }

    @Test
    fun everySensorState() {
        for (json in file.getJSONArray("sensor_states").objects()) {
            val name = json.getString("name")
            val monitor = SensorMonitor(json.getLong("patience_ns"))
            for (event in json.getJSONArray("events").objects()) {
                val kind = SensorEvent.valueOf(event.getString("event").uppercase())
                val reaction =
                    monitor.update(
                        kind,
                        event.getLong("at_ns"),
                        event.getBoolean("slow"),
                    )
                assertEquals(name, event.getString("state"), reaction.state.name.lowercase())
                assertEquals(name, event.getBoolean("restart"), reaction.restart)
                assertEquals(name, event.getBoolean("use_sample"), reaction.useSample)
            }
        }
    }

    @Test
    fun everyWindowThatNeedsNoInference() {
        for (json in file.getJSONArray("energy").objects()) {
            val name = json.getString("name")
            val saver =
                EnergySaver(
                    json.getDouble("still_below"),
                    json.getInt("after"),
                    json.getInt("factor"),
                    json.getJSONArray("channels").numbers().map(Double::toInt),
                    json.getInt("width"),
                )
            for (window in json.getJSONArray("windows").objects()) {
                val values = window.getJSONArray("values").numbers().floats()
                assertEquals(name, window.getDouble("deviation"), saver.deviation(values), 1e-9)
                val runs = saver.runs(Window(0, window.getInt("segment"), 0, values))
                assertEquals(name, window.getBoolean("run"), runs)
            }
        }
    }

    private fun tests(part: String) = file.getJSONObject(part).getJSONArray("tests").objects()

    private fun JSONObject.entries() = keys().asSequence().map { it to getJSONObject(it) }.toList()
}
