package com.edgeconv.recognition.model

import com.edgeconv.recognition.stream.Contract
import org.json.JSONObject

/** The contract that a model's file carries. */
internal object FileContract {
    /** What is another than this library was made for; null where nothing is. */
    fun difference(json: JSONObject): String? =
        sequenceOf(
            Triple("channels", json.strings("channels"), Contract.CHANNELS),
            Triple("labels", json.strings("labels"), Contract.LABELS),
            Triple("layout", json.optString("layout"), "time-major"),
            Triple("rate_hz", json.optDouble("rate_hz"), Contract.RATE_HZ),
            Triple("sensor", json.optString("sensor"), Contract.SENSOR),
            Triple("window", json.optInt("window"), Contract.WINDOW),
        ).firstOrNull { (_, actual, wanted) -> actual != wanted }
            ?.let { (what, actual, wanted) -> "its $what is $actual, not $wanted" }

    private fun JSONObject.strings(key: String): List<String> =
        optJSONArray(key)?.let { array -> List(array.length(), array::optString) }.orEmpty()
}
