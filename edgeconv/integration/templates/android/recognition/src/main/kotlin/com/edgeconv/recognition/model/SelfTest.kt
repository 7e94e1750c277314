package com.edgeconv.recognition.model

import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject
import kotlin.math.abs

/**
 * One golden window.
 *
 * @property vector its place in the golden set of the bundle
 * @property input as the model takes it
 * @property expected what the model gave for it when it was exported
 */
class TestVector(
    val vector: Int,
    val input: FloatArray,
    val expected: List<Double>,
)

/**
 * Golden windows that a model must pass on the device before its first decision.
 *
 * @property artifact the model's file
 * @property sha256 of it
 * @property golden digest of the bundle's golden set
 * @property tolerance the largest difference of one output that another device explains
 * @property weights how much a difference of each number counts, which is more where an output's own
 *   tolerance is smaller; null: all alike
 */
class SelfTest(
    val artifact: String,
    val sha256: String,
    val golden: String,
    val tolerance: Double,
    val vectors: List<TestVector>,
    val weights: List<Double>? = null,
) {
    /** How many vectors each of so many units runs: under 50 inferences in all. */
    fun vectorsPerUnit(units: Int): List<TestVector> =
        vectors.take(maxOf(1, minOf(vectors.size, INFERENCES / units)))

    /** The verdict on what a unit gave for the first vectors. */
    fun judge(
        unit: String,
        runtime: String,
        outputs: List<FloatArray>,
    ): UnitResult {
        var largest = 0.0
        val asked = vectors.take(outputs.size)
        val result =
            UnitResult(
                unit = unit,
                runtime = runtime,
                status = UnitStatus.FAILED,
                vectors = asked.map { it.vector },
                outputs = outputs.map { row -> row.map(Float::toDouble) },
            )
        for ((each, row) in asked.zip(outputs)) {
            val expected = each.expected
            val place = "vector ${each.vector}"
            if (row.size != expected.size || row.size != (weights ?: expected).size) {
                return result.copy(reason = "$place: ${row.size} outputs, not ${expected.size}")
            }
            if (!row.all(Float::isFinite)) {
                return result.copy(reason = "$place: an output is not finite")
            }
            val differences =
                expected.indices.map { abs(row[it] - expected[it]) * (weights?.get(it) ?: 1.0) }
            largest = maxOf(largest, differences.max())
        }
        if (largest <= tolerance) {
            return result.copy(status = UnitStatus.PASSED, largest = largest)
        }
        return result.copy(largest = largest, reason = "off by $largest, at most $tolerance")
    }

    companion object {
        private const val INFERENCES = 49

        /**
         * `selftest.json`.
         *
         * @throws JSONException where it is none
         */
        fun of(text: String): SelfTest {
            val json = JSONObject(text)
            if (json.getString("format") != "edgeconv-self-test" ||
                json.getInt("schema_version") != 1
            ) {
                throw JSONException("it is no edgeconv-self-test of version 1")
            }
            val vectors = json.getJSONArray("vectors")
            if (vectors.length() == 0) throw JSONException("it has no vectors")
            val artifact = json.getJSONObject("artifact")
            return SelfTest(
                artifact.getString("name"),
                artifact.getString("sha256"),
                json.getString("golden"),
                json.getDouble("tolerance"),
                List(vectors.length()) { place ->
                    val vector = vectors.getJSONObject(place)
                    val input = vector.getJSONArray("input")
                    TestVector(
                        vector.getInt("vector"),
                        FloatArray(input.length()) { input.getDouble(it).toFloat() },
                        vector.getJSONArray("expected").let { List(it.length(), it::getDouble) },
                    )
                },
                json.optJSONArray("outputs")?.let { weights(it, json.getDouble("tolerance")) },
            )
        }

        private fun weights(
            outputs: JSONArray,
            tolerance: Double,
        ): List<Double> =
            List(outputs.length(), outputs::getJSONObject).flatMap { output ->
                List(output.getInt("size")) { tolerance / output.getDouble("tolerance") }
            }
    }
}

/** What a verdict holds for: with another key everything is tested again. */
data class Key(
    val appVersion: String,
    val modelSha256: String,
    val system: String,
)

/** What the test of a unit says. */
enum class UnitStatus {
    PASSED,

    /** It computes something else than it must. */
    FAILED,

    /** It could not be opened, or it threw. */
    ERROR,
}

/**
 * The verdict of one unit.
 *
 * @property runtime what ran the model there
 * @property largest difference of an output; null where one is not finite or none was computed
 * @property reason why it did not pass
 * @property vectors places in the golden set that were run
 * @property outputs of them; null after an error
 * @property medianMs of an inference; null where it was not measured
 * @property errors how often it ended in an error under this key
 */
data class UnitResult(
    val unit: String,
    val status: UnitStatus,
    val largest: Double? = null,
    val reason: String = "",
    val runtime: String = unit,
    val vectors: List<Int> = emptyList(),
    val outputs: List<List<Double>>? = null,
    val medianMs: Double? = null,
    val errors: Int = 0,
)

/**
 * What a device keeps of its tests: a results file that `edgeconv golden check BUNDLE FILE` judges.
 *
 * @property testing the unit whose test has begun and not ended
 * @property chosen the unit that runs the model
 */
data class Record(
    val key: Key,
    val results: List<UnitResult> = emptyList(),
    val testing: String? = null,
    val chosen: String? = null,
) {
    fun result(unit: String): UnitResult? = results.find { it.unit == unit }

    /** Those of [units] that passed, in their order. */
    fun passing(units: List<String>): List<String> =
        units.filter { result(it)?.status == UnitStatus.PASSED }

    /** Whether a unit is to be tested: a wrong answer is final, an error may pass by itself. */
    fun isDue(
        unit: String,
        fallback: String,
    ): Boolean {
        val before = result(unit) ?: return true
        val mayFail = unit == fallback || before.errors < MOST_ERRORS
        return before.status == UnitStatus.ERROR && mayFail
    }

    /** This record after one more error of a unit. */
    fun withError(
        unit: String,
        error: Exception,
        vectors: List<Int>,
    ): Record {
        val errors = (result(unit)?.errors ?: 0) + 1
        val reason = error.message ?: "$error"
        return with(
            UnitResult(unit, UnitStatus.ERROR, reason = reason, vectors = vectors, errors = errors),
        )
    }

    fun with(result: UnitResult): Record =
        copy(results = results.filter { it.unit != result.unit } + result, testing = null)

    /** The file's text. */
    fun toJson(
        test: SelfTest,
        device: String,
    ): String =
        JSONObject()
            .put("format", FORMAT)
            .put("schema_version", 1)
            .put("golden", test.golden)
            .put(
                "device",
                JSONObject()
                    .put("model", device)
                    .put("system", key.system)
                    .put("app_version", key.appVersion),
            ).put(
                "key",
                JSONObject()
                    .put("app_version", key.appVersion)
                    .put("model_sha256", key.modelSha256)
                    .put("system", key.system),
            ).put("testing", testing ?: JSONObject.NULL)
            .put("chosen", chosen ?: JSONObject.NULL)
            .put("results", JSONArray(results.map { json(it, test) }))
            .toString()

    private fun json(
        result: UnitResult,
        test: SelfTest,
    ) = JSONObject()
        .put("artifact", test.artifact)
        .put("sha256", test.sha256)
        .put("runtime", result.runtime)
        .put("unit", result.unit)
        .put("vectors", JSONArray(result.vectors))
        .put(
            "outputs",
            result.outputs?.let { rows -> JSONArray(rows.map { JSONArray(it.map(::finite)) }) }
                ?: JSONObject.NULL,
        ).put("status", result.status.name.lowercase())
        .put("largest", result.largest ?: JSONObject.NULL)
        .put("tolerance", test.tolerance)
        .put("reason", result.reason)
        .put("median_ms", result.medianMs ?: JSONObject.NULL)
        .put("errors", result.errors)

    private fun finite(value: Double): Any = if (value.isFinite()) value else JSONObject.NULL

    companion object {
        private const val FORMAT = "edgeconv-golden-results"

        /** So often under one key a unit may end in an error before it is not opened again. */
        const val MOST_ERRORS = 3

        /** What a file says; null where it cannot be read, which counts as no record. */
        fun of(text: String): Record? =
            try {
                val json = JSONObject(text)
                val key = json.getJSONObject("key")
                val results = json.getJSONArray("results")
                Record(
                    Key(
                        key.getString("app_version"),
                        key.getString("model_sha256"),
                        key.getString("system"),
                    ),
                    List(results.length()) { result(results.getJSONObject(it)) },
                    json.text("testing"),
                    json.text("chosen"),
                ).takeIf {
                    json.getString(
                        "format",
                    ) == FORMAT && json.getInt("schema_version") == 1
                }
            } catch (_: JSONException) {
                null
            } catch (_: IllegalArgumentException) {
                null
            }

        private fun result(json: JSONObject): UnitResult {
            val vectors = json.getJSONArray("vectors")
            return UnitResult(
                unit = json.getString("unit"),
                status = UnitStatus.valueOf(json.getString("status").uppercase()),
                largest = json.number("largest"),
                reason = json.optString("reason"),
                runtime = json.optString("runtime", json.getString("unit")),
                vectors = List(vectors.length(), vectors::getInt),
                outputs =
                    json.optJSONArray("outputs")?.let { rows ->
                        List(rows.length()) { row -> numbers(rows.getJSONArray(row)) }
                    },
                medianMs = json.number("median_ms"),
                errors = json.optInt("errors"),
            )
        }

        private fun numbers(row: JSONArray): List<Double> =
            List(row.length()) { if (row.isNull(it)) Double.NaN else row.getDouble(it) }

        private fun JSONObject.text(name: String) = if (isNull(name)) null else getString(name)

        private fun JSONObject.number(name: String) = if (isNull(name)) null else getDouble(name)
    }
}
